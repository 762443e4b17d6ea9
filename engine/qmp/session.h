// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "engine/block/layer.h"
#include "engine/io/task_group.h"
#include "engine/job/job_list.h"
#include "engine/qmp/monitor.h"

namespace engine::qmp {

/// Turns a job's life into QMP events (S86-S88).
class JobEvents final : public job::Observer {
 public:
  JobEvents(io::Runtime& runtime, const Sinks& sinks) : runtime_(runtime), sinks_(sinks) {}

  void status_changed(const job::Job& job) override;
  void ready(const job::Job& job) override;
  void pending(const job::Job& job) override;
  void completed(const job::Job& job) override;
  void cancelled(const job::Job& job) override;
  void error(const job::Job& job, std::string_view operation, std::string_view action) override;

 private:
  io::Runtime& runtime_;
  const Sinks& sinks_;
};

/// Whether the client has said qmp_capabilities.
enum class Negotiation { open, done };

/// All that the commands of one monitor work on. Members are destroyed from the last to the first:
/// frames of guests' requests and jobs go before what they refer to.
struct Session {
  Session(io::Runtime& runtime_in, io::Host& host, Sinks sinks_in);

  /// To the console, as it is.
  void print(const std::string& text) const;
  /// To the human monitor if one is listening, else to the console; without line end.
  void report(const std::string& text) const;
  /// Goes on when no request of a guest is in flight. Those that a job holds back are not (M66).
  io::Task<void> until_guests_done();

  Sinks sinks;
  io::Runtime& runtime;
  Negotiation negotiation = Negotiation::open;
  /// Takes error reports while a human monitor command runs; else null.
  std::string* human_reply = nullptr;
  block::Layer layer;
  JobEvents job_events;
  job::JobList jobs;
  io::TaskGroup guests;  ///< aio_read and aio_write
};

/// Sends {"event": name, "data": data} with the runtime's time.
void send_event(io::Runtime& runtime, const Sinks& sinks, std::string_view name,
                nlohmann::json data);

}  // namespace engine::qmp
