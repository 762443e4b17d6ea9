// SPDX-License-Identifier: MIT
#include "sim/writes_in_flight.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <sstream>

#include "sim/images.h"

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

/// Everything, of a command that is not understood.
WritesInFlight::Range WritesInFlight::range_of(const std::string& command) {
  std::istringstream words(command);
  std::string word;
  words >> word >> word;
  for (; word.starts_with('-'); words >> word) {
    if (word.ends_with('P')) words >> word;  // the pattern stands by itself
  }
  const std::optional<std::uint64_t> start = images::parse_size(word);
  if (!start) return {};
  Range range{*start, *start};
  while (words >> word) {
    const std::optional<std::uint64_t> length = images::parse_size(word);
    if (!length) return {};
    range.end += *length;
  }
  return range;
}

}  // namespace sim
