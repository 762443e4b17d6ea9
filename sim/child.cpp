// SPDX-License-Identifier: MIT
#include "sim/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "sim/call_supervisor.h"
#include "sim/interrupt.h"
#include "sim/usage_error.h"

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
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw UsageError(std::string("cannot make a pipe: ") + std::strerror(errno));
  reader = Descriptor(ends[0]);
  writer = Descriptor(ends[1]);
}

namespace {

/// Between fork and exec only calls that a signal handler may make are allowed.
[[noreturn]] void become(char* const* arguments, const Child::Descriptors& descriptors,
                         int report) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);
  const int null = open("/dev/null", O_RDWR);
  const std::array<int, 3> wanted{-1, descriptors.output, descriptors.error};
  std::array<int, 3> safe{};
  // Out of the way first, so that no dup2 hits a descriptor that is still needed.
  for (int i = 0; i < 3; ++i) {
    safe[i] = fcntl(wanted[i] >= 0 ? wanted[i] : null, F_DUPFD_CLOEXEC, 10);
  }
  const int kept_report = fcntl(report, F_DUPFD_CLOEXEC, 10);
  const bool supervised = descriptors.supervisor >= 0;
  const int door = supervised ? fcntl(descriptors.supervisor, F_DUPFD_CLOEXEC, 10) : -1;
  for (int i = 0; i < 3; ++i) {
    if (safe[i] >= 0) dup2(safe[i], i);
  }
  int error = supervised ? become_supervised(door) : 0;
  if (error == 0) {
    execvp(arguments[0], arguments);
    error = errno;
  }
  [[maybe_unused]] const auto written = write(kept_report, &error, sizeof error);
  _exit(127);
}

std::string reason_text(const std::string& program, int error) {
  const bool directory = error == EACCES && std::filesystem::is_directory(program);
  return program + ": cannot be started: " + (directory ? "is a directory" : std::strerror(error));
}

}  // namespace

Child::Child(const std::vector<std::string>& arguments, const Descriptors& descriptors) {
  std::vector<std::string> copies = arguments;
  std::vector<char*> pointers;
  for (std::string& argument : copies) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  Pipe report;
  process_ = vfork();
  if (process_ < 0) throw UsageError(reason_text(arguments[0], errno));
  if (process_ == 0) {
    become(pointers.data(), descriptors, report.writer.number());
  }
  report.writer.close();
  int error = 0;
  // The pipe closes when the program starts; before that it tells why it could not.
  if (read(report.reader.number(), &error, sizeof error) == sizeof error) {
    reap(0);
    throw UsageError(reason_text(arguments[0], error));
  }
}

bool Child::has_ended(int options) const {
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(process_), &info, WEXITED | WNOWAIT | options) != 0) {
    if (errno != EINTR) return true;
  }
  return info.si_pid == process_;
}

bool Child::reap(int options) {
  if (ended_) return true;
  if (!has_ended(options)) return false;
  // While it is not waited for, its number and its group's are nobody else's.
  ::kill(-process_, SIGKILL);
  ended_ = waitpid(process_, &wait_status_, 0) == process_;
  return ended_;
}

void Child::kill() {
  if (ended_) return;
  ::kill(-process_, SIGKILL);
  reap(0);
}

bool Child::wait(milliseconds limit) {
  constexpr long longest_slice = 50;
  const auto deadline = steady_clock::now() + limit;
  const Descriptor end(static_cast<int>(syscall(SYS_pidfd_open, process_, 0)));
  while (!reap(WNOHANG)) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
    if (left <= 0) return false;
    InterruptGuard::check();
    pollfd wait{end.number(), POLLIN, 0};
    poll(&wait, 1, end.number() < 0 ? 1 : static_cast<int>(std::min<long>(left, longest_slice)));
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

[[noreturn]] void too_slow(const std::string& program, milliseconds limit) {
  throw ProgramOverran(program + ": did not come to its end within " + seconds_text(limit));
}

void check_length(const std::string& program, const ProgramResult& result) {
  constexpr std::size_t most = 64 << 20;
  if (result.output.size() + result.errors.size() > most) {
    throw ProgramOverran(program + ": printed more than 64 MiB");
  }
}

}  // namespace

std::string seconds_text(milliseconds time) {
  const auto count = time.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

ProgramResult run_program(const std::vector<std::string>& arguments, milliseconds limit) {
  Pipe output, errors;
  Child child(arguments, {output.writer.number(), errors.writer.number()});
  output.writer.close();
  errors.writer.close();
  ProgramResult result{-1, {}, {}};
  const auto deadline = steady_clock::now() + limit;
  while (output.reader.number() >= 0 || errors.reader.number() >= 0) {
    std::array<pollfd, 2> waits{
        {{output.reader.number(), POLLIN, 0}, {errors.reader.number(), POLLIN, 0}}};
    InterruptGuard::check();
    if (steady_clock::now() >= deadline) too_slow(arguments[0], limit);
    if (poll(waits.data(), waits.size(), 50) <= 0) continue;
    if (waits[0].revents != 0) drain(output.reader, result.output);
    if (waits[1].revents != 0) drain(errors.reader, result.errors);
    check_length(arguments[0], result);
  }
  if (!child.wait(std::chrono::ceil<milliseconds>(deadline - steady_clock::now())))
    too_slow(arguments[0], limit);
  result.status = child.status();
  return result;
}

}  // namespace sim
