// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/io/runtime.h"
#include "engine/io/storage.h"

namespace engine::qmp {

/// Where a monitor sends what is not a reply. Called from inside the engine: must not call back.
struct Sinks {
  /// A QMP event as the wire has it: {"event":…, "data":…, "timestamp":…} in the runtime's time.
  std::function<void(const nlohmann::json&)> event;
  /// Text that QEMU would print on its standard output: results of qemu-io, "Formatting 'F', …".
  std::function<void(const std::string&)> console;
};

/// One block-only QEMU: nodes, devices, jobs, and the QMP door to them. This is the engine's one
/// entry; everything a client can do, it does by execute().
///
/// The runtime and the host must outlive the monitor. Destroying it is sudden death (SIGKILL):
/// files stay as they are, nothing is stored. Afterwards the runtime must not resume anybody.
class Monitor {
 public:
  Monitor(io::Runtime& runtime, io::Host& host, Sinks sinks);
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;
  ~Monitor();

  /// Runs one request {"execute":…, "arguments":…, "id":…} and answers {"return":…} or
  /// {"error":{"class":…,"desc":…}}, `id` echoed. Commands run strictly one after the other; jobs
  /// and guest requests of `aio_write` go on between them. After `quit` everything is closed and
  /// stored.
  io::Task<nlohmann::json> execute(nlohmann::json request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace engine::qmp
