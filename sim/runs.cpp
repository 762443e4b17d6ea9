// SPDX-License-Identifier: MIT
#include "sim/runs.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sim {

using nlohmann::json;

std::vector<ByteRun> runs_of(const json& runs) {
  std::vector<ByteRun> result;
  for (const json& run : runs) {
    const std::uint64_t start = run[0].get<std::uint64_t>();
    const std::uint64_t end = start + run[1].get<std::uint64_t>();
    if (!result.empty() && result.back().end == start) {
      result.back().end = end;
    } else {
      result.push_back({start, end});
    }
  }
  return result;
}

std::optional<ByteRun> first_outside(const std::vector<ByteRun>& inner,
                                     const std::vector<ByteRun>& outer) {
  auto hold = outer.begin();
  for (const ByteRun& run : inner) {
    while (hold != outer.end() && hold->end <= run.start) ++hold;
    if (hold == outer.end()) return run;
    if (hold->start > run.start) return ByteRun{run.start, std::min(run.end, hold->start)};
    if (hold->end < run.end) {
      const auto next = hold + 1;
      const std::uint64_t end = next == outer.end() ? run.end : std::min(run.end, next->start);
      return ByteRun{hold->end, end};
    }
  }
  return std::nullopt;
}

json joined_contents(const json& contents) {
  if (!contents.is_array()) return contents;
  json result = json::array();
  for (const json& run : contents) {
    json bytes = run[2];
    std::sort(bytes.begin(), bytes.end());
    if (!result.empty() && result.back()[2] == bytes) {
      result.back()[1] = result.back()[1].get<std::uint64_t>() + run[1].get<std::uint64_t>();
    } else {
      result.push_back(json::array({run[0], run[1], std::move(bytes)}));
    }
  }
  return result;
}

std::string byte_text(unsigned byte) {
  if (byte == 0) return "0";
  constexpr char digits[] = "0123456789abcdef";
  return {'0', 'x', digits[byte >> 4 & 15], digits[byte & 15]};
}

}  // namespace sim
