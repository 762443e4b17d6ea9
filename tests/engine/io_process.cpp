// SPDX-License-Identifier: MIT
#include "tests/engine/io_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace tests {
namespace {

struct Pipe {
  int read_end;
  int write_end;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  return {ends[0], ends[1]};
}

struct Streams {
  int in;
  int out;
  int error;
};

/// Starts timeout(1) with the command, so that nothing runs for ever.
pid_t start(const std::string& limit, const std::vector<std::string>& command, Streams streams) {
  std::vector<std::string> words{"timeout", "-k", "5", limit};
  words.insert(words.end(), command.begin(), command.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t process = fork();
  if (process < 0) throw std::runtime_error("fork failed");
  if (process > 0) return process;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  setpgid(0, 0);
  dup2(streams.in, 0);
  dup2(streams.out, 1);
  dup2(streams.error, 2);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

int wait_for(pid_t process) {
  int status = 0;
  while (waitpid(process, &status, 0) < 0) {
    if (errno != EINTR) throw std::runtime_error("waitpid failed");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Appends what can be read; false at the end.
bool read_some(int descriptor, std::string& text) {
  std::array<char, 4096> chunk{};
  const ssize_t got = read(descriptor, chunk.data(), chunk.size());
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) return false;
  text.append(chunk.data(), static_cast<std::size_t>(got));
  return true;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word + " ";
  return text;
}

}  // namespace

Outcome run(const std::vector<std::string>& command) {
  const Pipe output = make_pipe();
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t process = start("60", command, {nothing, output.write_end, output.write_end});
  close(output.write_end);
  close(nothing);
  Outcome outcome{0, {}};
  while (read_some(output.read_end, outcome.output)) {
  }
  close(output.read_end);
  outcome.status = wait_for(process);
  return outcome;
}

std::string must_run(const std::vector<std::string>& command) {
  Outcome outcome = run(command);
  if (outcome.status == 0) return outcome.output;
  throw std::runtime_error(joined(command) + "exited with " + std::to_string(outcome.status) +
                           ": " + outcome.output);
}

Qemu::Qemu() {
  const Pipe in = make_pipe();
  const Pipe out = make_pipe();
  const int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
  process_ = start("120",
                   {"qemu-system-x86_64", "-M", "none", "-accel", "tcg", "-S", "-display", "none",
                    "-nodefaults", "-qmp", "stdio"},
                   {in.read_end, out.write_end, nothing});
  close(in.read_end);
  close(out.write_end);
  close(nothing);
  to_ = in.write_end;
  from_ = out.read_end;
  must_execute("qmp_capabilities", nlohmann::json::object());
}

Qemu::~Qemu() {
  close(to_);
  close(from_);
  // The group: timeout(1) and QEMU below it.
  if (process_ > 0) {
    kill(-process_, SIGKILL);
    wait_for(process_);
  }
}

std::string Qemu::read_line() {
  std::size_t end = buffer_.find('\n');
  while (end == std::string::npos) {
    if (!read_some(from_, buffer_)) throw std::runtime_error("QEMU has gone");
    end = buffer_.find('\n');
  }
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return line;
}

nlohmann::json Qemu::execute(const std::string& command, const nlohmann::json& arguments) {
  const nlohmann::json request{{"execute", command}, {"arguments", arguments}};
  const std::string text = request.dump() + "\n";
  if (write(to_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw std::runtime_error("QEMU does not listen");
  }
  while (true) {
    // Between the replies come events, and what qemu-io prints.
    nlohmann::json line = nlohmann::json::parse(read_line(), nullptr, false);
    if (!line.is_object()) continue;
    if (line.contains("return") || line.contains("error")) return line;
    if (line.contains("event")) events_.push_back(std::move(line));
  }
}

nlohmann::json Qemu::wait(const std::string& event) {
  while (true) {
    for (; !events_.empty(); events_.pop_front()) {
      if (events_.front()["event"] != event) continue;
      nlohmann::json data = events_.front()["data"];
      events_.pop_front();
      return data;
    }
    nlohmann::json line = nlohmann::json::parse(read_line(), nullptr, false);
    if (line.is_object() && line.contains("event")) events_.push_back(std::move(line));
  }
}

nlohmann::json Qemu::must_execute(const std::string& command, const nlohmann::json& arguments) {
  nlohmann::json reply = execute(command, arguments);
  if (!reply.contains("return")) throw std::runtime_error(command + ": " + reply.dump());
  return reply["return"];
}

std::string Qemu::monitor(const std::string& line) {
  return must_execute("human-monitor-command", {{"command-line", line}}).get<std::string>();
}

void Qemu::quit() {
  must_execute("quit", nlohmann::json::object());
  wait_for(process_);
  process_ = 0;
}

}  // namespace tests
