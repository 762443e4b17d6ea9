// SPDX-License-Identifier: MIT
#include "sim/writes_in_flight.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <sstream>

#include "engine/size_argument.h"

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
  std::istringstream in(command);
  const std::vector<std::string> words(std::istream_iterator<std::string>(in), {});
  std::vector<std::uint64_t> operands;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i].starts_with('-')) {
      if (words[i].ends_with('P')) ++i;  // the pattern stands by itself
      continue;
    }
    const engine::SizeArgument operand = engine::parse_size_argument(words[i]);
    if (operand.fault != engine::SizeArgument::Fault::none) return {};
    operands.push_back(operand.bytes);
  }
  if (operands.size() < 2) return {};
  return {operands[0], std::accumulate(operands.begin(), operands.end(), std::uint64_t{0})};
}

}  // namespace sim
