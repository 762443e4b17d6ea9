// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "sim/child.h"

namespace sim {

/// One running QEMU without a machine, and its QMP door. Every wait has a limit; a QEMU that dies
/// or stays silent is a SubjectFailure that tells its last words.
class QemuProcess {
 public:
  /// Starts `program` and negotiates.
  explicit QemuProcess(const std::string& program);
  ~QemuProcess();

  /// Sends a request and answers its reply; events that come before it are kept.
  nlohmann::json execute(const nlohmann::json& request);
  /// The first kept event of that name, taken out.
  std::optional<nlohmann::json> take_event(const std::string& name);
  /// Keeps what comes within `time`, at least what has come already.
  void listen(std::chrono::milliseconds time);
  /// What QEMU printed on its standard output since the last call.
  std::string take_console();

  /// Waits for the end of a process that was told to quit.
  void wait_for_end();
  void kill() { child_->kill(); }

  static constexpr std::chrono::milliseconds patience{30'000};

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  /// The next message, or nothing at the deadline.
  std::optional<nlohmann::json> receive(Deadline deadline);
  bool wait_for_input(Deadline deadline);
  std::optional<std::string> buffered_line();
  [[noreturn]] void fail(const std::string& what);

  std::unique_ptr<Child> child_;
  Descriptor socket_, console_, errors_;
  std::string received_, console_text_, error_text_;
  std::deque<nlohmann::json> events_;
};

}  // namespace sim
