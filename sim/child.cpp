// SPDX-License-Identifier: MIT
#include "sim/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

namespace sim {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Descriptor::Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

void Descriptor::close() {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

Pipe::Pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw SubjectFailure("cannot make a pipe");
  reader = Descriptor(ends[0]);
  writer = Descriptor(ends[1]);
}

namespace {

/// Between fork and exec only calls that a signal handler may make are allowed.
[[noreturn]] void become(char* const* arguments, const std::array<int, 4>& wanted, int report) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int null = open("/dev/null", O_RDWR);
  std::array<int, 4> safe{};
  // Out of the way first, so that no dup2 hits a descriptor that is still needed.
  for (int i = 0; i < 4; ++i) {
    const int from = wanted[i] >= 0 ? wanted[i] : i < 3 ? null : -1;
    safe[i] = from >= 0 ? fcntl(from, F_DUPFD_CLOEXEC, 10) : -1;
  }
  const int kept_report = fcntl(report, F_DUPFD_CLOEXEC, 10);
  for (int i = 0; i < 4; ++i) {
    if (safe[i] >= 0) dup2(safe[i], i);
  }
  execvp(arguments[0], arguments);
  const int error = errno;
  [[maybe_unused]] const auto written = write(kept_report, &error, sizeof error);
  _exit(127);
}

}  // namespace

Child::Child(const std::vector<std::string>& arguments, const Descriptors& descriptors) {
  std::vector<std::string> copies = arguments;
  std::vector<char*> pointers;
  for (std::string& argument : copies) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  Pipe report;
  process_ = fork();
  if (process_ < 0) throw SubjectFailure("cannot start " + arguments[0] + ": out of processes");
  if (process_ == 0) {
    become(pointers.data(),
           {descriptors.input, descriptors.output, descriptors.error, descriptors.extra},
           report.writer.number());
  }
  report.writer.close();
  int error = 0;
  // The pipe closes when the program starts; before that it tells why it could not.
  if (read(report.reader.number(), &error, sizeof error) == sizeof error) {
    reap(0);
    throw SubjectFailure("cannot start " + arguments[0] + ": " + std::strerror(error));
  }
}

bool Child::reap(int options) {
  if (ended_) return true;
  int status = 0;
  pid_t answer;
  do {
    answer = waitpid(process_, &status, options);
  } while (answer < 0 && errno == EINTR);
  if (answer != process_) return false;
  ended_ = true;
  wait_status_ = status;
  return true;
}

void Child::kill() {
  if (ended_) return;
  ::kill(process_, SIGKILL);
  reap(0);
}

bool Child::wait(milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  while (!reap(WNOHANG)) {
    if (steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

std::string Child::ending() const {
  if (!ended_) return "runs";
  if (WIFSIGNALED(wait_status_)) {
    return "was killed by signal " + std::to_string(WTERMSIG(wait_status_));
  }
  return "exited with status " + std::to_string(WEXITSTATUS(wait_status_));
}

int Child::status() const { return end().status; }

ProcessEnd Child::end() const {
  if (!ended_) return {};
  if (WIFSIGNALED(wait_status_)) return {WTERMSIG(wait_status_), -1};
  return {0, WEXITSTATUS(wait_status_)};
}

namespace {

/// Appends what there is to read; false at the end.
bool drain(Descriptor& from, std::string& text) {
  char buffer[65536];
  const ssize_t count = read(from.number(), buffer, sizeof buffer);
  if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
  if (count == 0) from.close();
  return count > 0;
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& arguments, milliseconds limit) {
  Pipe output, errors;
  Child child(arguments, {-1, output.writer.number(), errors.writer.number(), -1});
  output.writer.close();
  errors.writer.close();
  ProgramResult result{-1, {}, {}};
  const auto deadline = steady_clock::now() + limit;
  while (output.reader.number() >= 0 || errors.reader.number() >= 0) {
    std::array<pollfd, 2> waits{
        {{output.reader.number(), POLLIN, 0}, {errors.reader.number(), POLLIN, 0}}};
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0 ||
        poll(waits.data(), waits.size(), static_cast<int>(left.count())) == 0) {
      throw SubjectFailure(arguments[0] + " does not come to an end");
    }
    if (waits[0].revents != 0) drain(output.reader, result.output);
    if (waits[1].revents != 0) drain(errors.reader, result.errors);
  }
  if (!child.wait(limit)) throw SubjectFailure(arguments[0] + " does not come to an end");
  result.status = child.status();
  return result;
}

}  // namespace sim
