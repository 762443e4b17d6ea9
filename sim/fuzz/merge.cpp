// SPDX-License-Identifier: MIT
#include "sim/fuzz/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "sim/fuzz/coverage.h"
#include "sim/usage_error.h"

namespace sim::fuzz {

using nlohmann::json;

namespace {

/// What shards of one campaign have in common.
constexpr const char* common[] = {"commit",  "seed",     "runs",
                                  "profile", "subjects", "steps-of-a-run"};

std::uint64_t number_of(const Shard& shard) { return shard.summary["shard"][0]; }

void check_form(const Shard& shard) {
  try {
    for (const char* name : common) shard.summary.at(name);
    const json& of = shard.summary.at("shard");
    const std::uint64_t number = of.at(0), all = of.at(1);
    if (number >= 1 && number <= all && shard.summary.at("interrupted").is_boolean() &&
        shard.summary.at("failures").is_array()) {
      statistics_from(shard.summary.at("statistics"));
      return;
    }
  } catch (const json::exception&) {
    // Said below.
  }
  throw UsageError(shard.file + ": not a summary of fuzz --json");
}

void check_same_campaign(const Shard& first, const Shard& other) {
  for (const char* name : common) {
    const json &here = first.summary[name], &there = other.summary[name];
    if (here == there) continue;
    throw UsageError(fmt::format("{} and {} do not belong together: {} {} and {}", first.file,
                                 other.file, name, here.dump(), there.dump()));
  }
  const std::uint64_t here = first.summary["shard"][1], there = other.summary["shard"][1];
  if (here == there) return;
  throw UsageError(fmt::format("{} and {} do not belong together: one of {} shards, one of {}",
                               first.file, other.file, here, there));
}

/// Requires shards of one campaign, sorted.
void check_complete(const std::vector<Shard>& shards) {
  const std::uint64_t all = shards.front().summary["shard"][1];
  for (std::size_t i = 0; i < all; ++i) {
    if (i >= shards.size() || number_of(shards[i]) > i + 1) {
      throw UsageError(fmt::format("shard {}/{} is missing", i + 1, all));
    }
    if (i + 1 < shards.size() && number_of(shards[i]) == number_of(shards[i + 1])) {
      throw UsageError(fmt::format("{} and {} are the same shard {}/{}", shards[i].file,
                                   shards[i + 1].file, i + 1, all));
    }
  }
}

json merged_failures(const std::vector<Shard>& shards) {
  std::map<std::string, json> by_signature;
  for (const Shard& shard : shards) {
    for (const json& failure : shard.summary["failures"]) {
      const auto [known, is_new] = by_signature.try_emplace(failure["signature"], failure);
      if (is_new) continue;
      const std::uint64_t times =
          known->second["times"].get<std::uint64_t>() + failure["times"].get<std::uint64_t>();
      if (failure["run"] < known->second["run"]) known->second = failure;
      known->second["times"] = times;
    }
  }
  std::vector<json> failures;
  for (auto& [signature, failure] : by_signature) failures.push_back(std::move(failure));
  std::ranges::sort(failures, [](const json& a, const json& b) { return a["run"] < b["run"]; });
  return failures;
}

}  // namespace

json merged(std::vector<Shard> shards) {
  for (const Shard& shard : shards) {
    check_form(shard);
    check_same_campaign(shards.front(), shard);
  }
  std::ranges::stable_sort(shards, {}, number_of);
  check_complete(shards);
  json whole = shards.front().summary;
  Statistics statistics;
  bool interrupted = false;
  std::set<std::string> left_out;
  for (const Shard& shard : shards) {
    statistics.add(statistics_from(shard.summary["statistics"]));
    interrupted |= shard.summary["interrupted"].get<bool>();
    for (const json& name : shard.summary.value("left-out", json::array())) left_out.insert(name);
  }
  whole["shard"] = {1, 1};
  whole["interrupted"] = interrupted;
  whole["left-out"] = left_out;
  whole["statistics"] = to_json(statistics);
  whole["coverage"] = coverage_json(statistics);
  whole["failures"] = merged_failures(shards);
  return whole;
}

}  // namespace sim::fuzz
