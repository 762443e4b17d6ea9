// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <deque>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tests {

/// What a program said and how it ended; 124 when it was stopped for taking too long.
struct Outcome {
  int status;
  std::string output;  ///< standard output and standard error together
};

/// Runs a program (found by PATH) to its end, for a minute at most.
Outcome run(const std::vector<std::string>& command);
/// The same, but throws with what the program said unless it exits with 0. Gives its output.
std::string must_run(const std::vector<std::string>& command);

/// A real QEMU without a machine, driven over QMP on its standard input and output. It is stopped
/// after two minutes, and when this object or the test program ends.
class Qemu {
 public:
  Qemu();
  Qemu(const Qemu&) = delete;
  Qemu& operator=(const Qemu&) = delete;
  ~Qemu();

  /// The whole reply: {"return": …} or {"error": …}. Throws if QEMU has gone.
  nlohmann::json execute(const std::string& command, const nlohmann::json& arguments);
  /// The data of the next event of that name, or of the first that came since it was last asked;
  /// throws if QEMU ends before.
  nlohmann::json wait(const std::string& event);
  /// The reply's "return"; throws with the reply if it is an error.
  nlohmann::json must_execute(const std::string& command, const nlohmann::json& arguments);
  /// A line of the human monitor; what it prints.
  std::string monitor(const std::string& line);
  /// Asks QEMU to end in good order, and waits for it.
  void quit();

 private:
  std::string read_line();

  pid_t process_;
  int to_;
  int from_;
  std::string buffer_;
  std::deque<nlohmann::json> events_;
};

}  // namespace tests
