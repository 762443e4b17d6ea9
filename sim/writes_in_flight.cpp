// SPDX-License-Identifier: MIT
#include "sim/writes_in_flight.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <iterator>
#include <numeric>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>

namespace sim {

namespace {

/// "512", "64K", "0x200"; nothing of what is written in any other way.
std::optional<std::uint64_t> plain_size(const std::string& word) {
  constexpr std::string_view units = "bkmgt";
  std::uint64_t number = 0;
  const char* end = word.data() + word.size();
  const bool hexadecimal = word.starts_with("0x");
  const auto [stop, error] =
      std::from_chars(word.data() + (hexadecimal ? 2 : 0), end, number, hexadecimal ? 16 : 10);
  if (error != std::errc()) return std::nullopt;
  if (stop == end) return number;
  const std::size_t unit =
      units.find(static_cast<char>(std::tolower(static_cast<unsigned char>(*stop))));
  constexpr std::uint64_t most = std::uint64_t{1} << 22;  // of the largest unit below 2^63
  if (stop + 1 != end || unit == std::string_view::npos || number > most) return std::nullopt;
  return number << 10 * unit;
}

}  // namespace

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
    const std::optional<std::uint64_t> operand = plain_size(words[i]);
    if (!operand) return {};
    operands.push_back(*operand);
  }
  if (operands.size() < 2) return {};
  return {operands[0], std::accumulate(operands.begin(), operands.end(), std::uint64_t{0})};
}

}  // namespace sim
