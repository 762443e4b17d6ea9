// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "engine/bitmap/dirty_bits.h"
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
/// entry; everything a client can do, it does by execute() and human().
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
  /// Runs a line of the human monitor in its turn and answers what that prints:
  /// human-monitor-command for who is in the same process and need not wrap it.
  io::Task<std::string> human(std::string line);

  /// Observations for a harness that judges: no QMP commands, they change nothing. `node` is a
  /// device or a node name; an unknown one is a Refusal in the words of the bitmap commands (S6),
  /// and so is an unknown bitmap (S13).
  ByteCount length(const std::string& node) const;
  /// Fills `buffer` with what a guest reads from `offset` on; the range lies within length().
  io::Task<void> read(const std::string& node, GuestOffset offset, std::span<std::byte> buffer);
  /// The dirty runs of a bitmap in any state, clipped to the disk.
  std::vector<bitmap::Range> dirty_ranges(const std::string& node, const std::string& name) const;
  /// Whether a job comes to its end without a further command, its rate holding it back for no
  /// longer than `patience` at a time.
  bool jobs_ending(io::Nanoseconds patience) const;
  /// Whether a guest's aio_read or aio_write is under way.
  bool requests_in_flight() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace engine::qmp
