// SPDX-License-Identifier: MIT
#include "sim/fuzz/forked.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "sim/interrupt.h"

namespace sim::fuzz {

using nlohmann::json;

namespace {

void write_all(int descriptor, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = write(descriptor, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) _exit(1);  // nobody listens any more
    done += static_cast<std::size_t>(count);
  }
}

/// The copy's whole life. What it does not catch ends it by SIGABRT, as a crash.
[[noreturn]] void live(const std::function<void(const Tell&)>& body, int descriptor,
                       int words) noexcept {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(words, STDERR_FILENO);
  body([descriptor](const json& value) { write_all(descriptor, value.dump() + "\n"); });
  _exit(0);
}

}  // namespace

Forked::Forked(const std::function<void(const Tell&)>& body)
    : words_(memfd_create("last-words", MFD_CLOEXEC)) {
  std::cout << std::flush;
  process_ = fork();
  if (process_ < 0 || words_.number() < 0) {
    throw SubjectFailure(std::string("cannot fork: ") + std::strerror(errno));
  }
  if (process_ == 0) live(body, pipe_.writer.number(), words_.number());
  pipe_.writer.close();
}

Forked::Forked(Forked&& other) noexcept
    : pipe_(std::move(other.pipe_)),
      words_(std::move(other.words_)),
      process_(std::exchange(other.process_, -1)),
      received_(std::move(other.received_)) {}

Forked& Forked::operator=(Forked&& other) noexcept {
  std::swap(pipe_, other.pipe_);
  std::swap(words_, other.words_);
  std::swap(process_, other.process_);
  std::swap(received_, other.received_);
  return *this;
}

Forked::~Forked() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  bad_end();
}

void Forked::interrupt() const {
  if (process_ > 0) ::kill(process_, SIGINT);
}

bool Forked::await(TimePoint end) const {
  constexpr int at_most = 100;  // milliseconds: an interrupt may come just before we wait
  pollfd wait{descriptor(), POLLIN, 0};
  while (!InterruptGuard::came() && std::chrono::steady_clock::now() < end) {
    if (poll(&wait, 1, at_most) > 0) return true;
  }
  return false;
}

std::vector<json> Forked::listen() {
  std::vector<json> told;
  while (told.empty()) {
    char buffer[65536];
    const ssize_t count = read(pipe_.reader.number(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return told;
    received_.append(buffer, static_cast<std::size_t>(count));
    std::size_t start = 0;
    for (std::size_t end; (end = received_.find('\n', start)) != std::string::npos;) {
      told.push_back(json::parse(received_.begin() + static_cast<std::ptrdiff_t>(start),
                                 received_.begin() + static_cast<std::ptrdiff_t>(end)));
      start = end + 1;
    }
    received_.erase(0, start);
  }
  return told;
}

std::optional<std::string> Forked::bad_end() {
  if (process_ < 0) return std::nullopt;
  int status = 0;
  while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  if (WIFEXITED(status)) {
    if (WEXITSTATUS(status) == 0) return std::nullopt;
    return "ended with status " + std::to_string(WEXITSTATUS(status));
  }
  const int signal = WTERMSIG(status);
  if (signal == SIGPROF) return "took too much processor time";
  const char* name = sigabbrev_np(signal);
  return "died of " + (name != nullptr ? std::string("SIG") + name : std::to_string(signal));
}

std::string Forked::last_words() const {
  constexpr off_t most = 16384;
  const off_t size = lseek(words_.number(), 0, SEEK_END);
  std::string words(static_cast<std::size_t>(std::clamp<off_t>(size, 0, most)), '\0');
  const ssize_t count =
      pread(words_.number(), words.data(), words.size(), size - static_cast<off_t>(words.size()));
  words.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  return words;
}

}  // namespace sim::fuzz
