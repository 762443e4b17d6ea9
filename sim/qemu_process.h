// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "sim/call_supervisor.h"
#include "sim/qmp_program.h"
#include "sim/qmp_wire.h"

namespace sim {

class QmpDoor;

/// One running program that speaks QMP, most often a QEMU without a machine, and the wire to it.
/// What it sends is bounded in size and in time, and checked for the fields that we read. One that
/// ends in the middle is a SubjectCrash, one that is waited for in vain a SubjectHang, one that
/// talks rubbish a SubjectFailure; one that never greeted is a UsageError.
class QemuProcess {
 public:
  /// Starts the program, if it is ours to start, and does not wait for it. `faults`: which
  /// operations on files the program's storage fails; it must outlive this. Null: none ever.
  explicit QemuProcess(const QmpProgram& program, FaultTable* faults = nullptr);
  ~QemuProcess();

  /// Waits for it or reaches it, negotiates, and asks for its version; comes before all else. Where
  /// one that was told to quit before does not listen, waits until it is there again.
  void meet();

  /// All that follows must be done by then; without this each request has the limit for itself.
  void hurry(QmpWire::Deadline deadline) { deadline_ = deadline; }
  /// When what begins now must be done.
  QmpWire::Deadline limit() const {
    return deadline_.value_or(std::chrono::steady_clock::now() + program_.limit);
  }

  /// Sends a request and answers its reply; events that come before it are kept.
  nlohmann::json execute(const nlohmann::json& request);
  /// The same for what the harness itself wants to know: a crash names the request before it.
  nlohmann::json ask(const nlohmann::json& request);
  /// The first kept event of that name, taken out.
  std::optional<nlohmann::json> take_event(const std::string& name);
  /// Waits for an event, and keeps it. False at the deadline.
  bool wait_for_event(QmpWire::Deadline deadline);
  /// What it printed on its standard output, and on its standard error, since the last call, and
  /// the same for what nobody wants to know.
  std::string take_console();
  std::string take_errors();
  void forget_printed() { wire_.forget_printed(); }
  /// What query-version says; the greeting's version if it does not know that command.
  const nlohmann::json& version() const { return version_; }

  /// Waits for the end of a process that was told to quit.
  void wait_for_end();
  /// Requires a program that we started.
  void kill();

 private:
  using Deadline = QmpWire::Deadline;

  void start();
  void let_in(Deadline deadline);
  nlohmann::json reach(Deadline deadline);
  nlohmann::json greeting(Deadline deadline);
  void negotiate(const nlohmann::json& greeting, Deadline deadline);
  nlohmann::json exchange(const nlohmann::json& request, Deadline deadline);
  std::optional<nlohmann::json> receive(Deadline deadline);
  void keep_event(nlohmann::json event);
  void check(const nlohmann::json& request, const nlohmann::json& reply);
  bool known() const { return greeted_ || program_.acquaintance->met; }
  [[noreturn]] void broke(const WireError& error);
  [[noreturn]] void ended(const std::string& when);
  std::string dismissal(const std::string& what);
  [[noreturn]] void unusable(const std::string& what);
  [[noreturn]] void silent(const std::string& what);

  QmpProgram program_;
  std::unique_ptr<CallSupervisor> supervisor_;  ///< null if nothing ever fails
  std::unique_ptr<Child> child_;                ///< null if it ran already
  std::unique_ptr<QmpDoor> door_;               ///< where it is to connect; null once it has
  QmpWire wire_;
  bool greeted_ = false;
  std::string last_request_;
  nlohmann::json version_;
  std::optional<Deadline> deadline_;
  std::deque<nlohmann::json> events_;
  std::size_t event_bytes_ = 0;  ///< as they came over the wire
};

}  // namespace sim
