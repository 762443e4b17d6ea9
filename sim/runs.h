// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace sim {

/// A run of bytes [start, end).
struct ByteRun {
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t length() const { return end - start; }
  friend bool operator==(const ByteRun&, const ByteRun&) = default;
};

/// [[start,length]…] as runs; touching ones are joined.
std::vector<ByteRun> runs_of(const nlohmann::json& runs);

/// The first run of bytes of `inner` that `outer` does not hold. Both sorted, runs apart.
std::optional<ByteRun> first_outside(const std::vector<ByteRun>& inner,
                                     const std::vector<ByteRun>& outer);

/// Contents [[start,length,[byte…]]…] with the bytes sorted and touching equal runs joined.
nlohmann::json joined_contents(const nlohmann::json& contents);

/// "0" or "0xa5".
std::string byte_text(unsigned byte);

}  // namespace sim
