// SPDX-License-Identifier: MIT
#include "sim/writes_in_flight.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/qmp/qemu_io_command.h"

namespace sim {

bool WritesInFlight::admits(const std::string& node, const std::string& command) const {
  if (writes_.empty() || command.starts_with("read") || command.starts_with("aio_read"))
    return true;
  if (!command.starts_with("aio_write") || node != node_) return false;
  const Range range = range_of(command);
  return std::ranges::none_of(writes_, [&](const Range& other) {
    return range.start < other.end && other.start < range.end;
  });
}

void WritesInFlight::note(const std::string& node, const std::string& command) {
  if (!command.starts_with("aio_")) return;
  node_ = node;
  if (command.starts_with("aio_write")) writes_.push_back(range_of(command));
}

void WritesInFlight::clear() {
  node_.clear();
  writes_.clear();
}

/// Everything, of a command that is refused.
WritesInFlight::Range WritesInFlight::range_of(const std::string& command) try {
  const engine::qmp::IoRequest request = engine::qmp::IoLine(command).parse();
  return {request.offset, request.offset + request.length};
} catch (const engine::Refusal&) {
  return {};
}

}  // namespace sim
