// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace sim::fuzz {

/// A summary, and where it is from.
struct Shard {
  std::string file;
  nlohmann::json summary;
};

/// The summary of a whole campaign, joined of those of all its shards: what it would have been on
/// one machine. Statistics add up; of failures of one signature the earliest run's stays. Throws
/// UsageError for what is no summary, for shards of different campaigns (or programs), and if one
/// is missing or there twice.
nlohmann::json merged(std::vector<Shard> shards);

}  // namespace sim::fuzz
