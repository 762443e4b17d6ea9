// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace sim {

/// What is wrong with what a subject shows.
enum class Fault {
  different,    ///< not what is allowed
  under_dirty,  ///< a bit is missing that must be set: data would be lost
  over_dirty    ///< a bit is set that may not be: a backup would be slower
};

/// "different", "under-dirty (data loss)" or "over-dirty (waste)".
std::string to_string(Fault fault);

/// The first thing that is not allowed.
struct Finding {
  Fault fault;
  std::string where;     ///< e.g. "return[0].count", "at offset 65536"; empty: the whole
  std::string expected;  ///< what is allowed there
  std::string seen;
};

/// Compares what a subject shows with what is allowed (sim/allowed.h). A subject that cannot tell
/// shows Allowed::any, which nothing contradicts. Fields named `count`
/// and `dirty-clusters` that are too small are under-dirty, too large over-dirty.
std::optional<Finding> compare(const nlohmann::json& allowed, const nlohmann::json& seen);

/// The same for dirty runs {"must":[[start,length]…],"may":[[start,length]…]}: what is seen (both
/// equal) must hold all of the one and nothing beyond the other. A subject may show
/// {"sha256","count","granularity","size"} in place of the runs, as QEMU hashes its bits (S35).
std::optional<Finding> compare_dirty(const nlohmann::json& allowed, const nlohmann::json& seen);

/// The same for contents [[start,length,[byte…]]…]: each byte seen is one of those allowed.
std::optional<Finding> compare_data(const nlohmann::json& allowed, const nlohmann::json& seen);

}  // namespace sim
