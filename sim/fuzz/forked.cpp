// SPDX-License-Identifier: MIT
#include "sim/fuzz/forked.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

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
[[noreturn]] void live(const std::function<void(const Tell&)>& body, int descriptor) noexcept {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  body([descriptor](const json& value) { write_all(descriptor, value.dump() + "\n"); });
  _exit(0);
}

}  // namespace

Forked::Forked(const std::function<void(const Tell&)>& body) {
  std::cout << std::flush;
  process_ = fork();
  if (process_ < 0) throw SubjectFailure("cannot fork: out of processes");
  if (process_ == 0) live(body, pipe_.writer.number());
  pipe_.writer.close();
}

Forked::Forked(Forked&& other) noexcept
    : pipe_(std::move(other.pipe_)),
      process_(std::exchange(other.process_, -1)),
      received_(std::move(other.received_)) {}

Forked& Forked::operator=(Forked&& other) noexcept {
  std::swap(pipe_, other.pipe_);
  std::swap(process_, other.process_);
  std::swap(received_, other.received_);
  return *this;
}

Forked::~Forked() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  died_of();
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

std::optional<std::string> Forked::died_of() {
  if (process_ < 0) return std::nullopt;
  int status = 0;
  while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  if (!WIFSIGNALED(status)) return std::nullopt;
  const char* name = sigabbrev_np(WTERMSIG(status));
  return name != nullptr ? std::string("SIG") + name : std::to_string(WTERMSIG(status));
}

}  // namespace sim::fuzz
