// SPDX-License-Identifier: MIT
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace tests {

/// What a shell command printed (standard output and error together) and how it ended.
struct ShellResult {
  int status;  ///< exit status; 128 + signal if it died of one
  std::string out;
};

/// Runs `command` with sh, for at most two minutes.
inline ShellResult shell(const std::string& command) {
  std::string quoted;
  for (char c : command) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  FILE* pipe = popen(("timeout 120 sh -c '" + quoted + "' 2>&1 </dev/null").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run: " + command);
  ShellResult result{0, {}};
  std::array<char, 4096> buffer;
  while (std::size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) {
    result.out.append(buffer.data(), n);
  }
  const int status = pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

/// Runs `command` and gives what it printed; an exit status other than 0 is an error.
inline std::string shell_ok(const std::string& command) {
  const ShellResult result = shell(command);
  if (result.status != 0) {
    throw std::runtime_error(command + "\nexit status " + std::to_string(result.status) + "\n" +
                             result.out);
  }
  return result.out;
}

/// Whether what was printed holds `word`.
inline bool mentions(const std::string& text, const std::string& word) {
  return text.find(word) != std::string::npos;
}

/// All of a file; empty if there is none.
inline std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

}  // namespace tests
