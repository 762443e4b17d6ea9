// SPDX-License-Identifier: MIT
#include "sim/fuzz/summary.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sim/commit.h"
#include "sim/fuzz/coverage.h"
#include "sim/report.h"

namespace sim::fuzz {

using nlohmann::json;

namespace {

std::string counts_text(const char* title, const json& counts) {
  std::string text = fmt::format("{}:\n", title);
  for (const auto& [name, count] : counts.items()) {
    text += fmt::format("  {:>9}  {}\n", count.get<std::uint64_t>(), name);
  }
  return text;
}

std::string found_text(const json& found) {
  std::string text =
      fmt::format("run {} ({} like it): {} lines, drawn as {}, {} tries: {}\n",
                  found["run"].get<std::uint64_t>(), found["times"].get<std::uint64_t>() - 1,
                  found["program"].size(), found["drawn"].get<std::uint64_t>(),
                  found["trials"].get<std::uint64_t>(), found["file"].get<std::string>());
  text += found["report"];
  for (const json& line : found["program"]) text += "    " + line.get<std::string>() + "\n";
  return text + "\n";
}

/// "steps not judged: 12 of 4000: after a fault of storage (M54) (12)"
std::string unjudged_text(const json& statistics) {
  std::uint64_t total = 0;
  std::string reasons;
  for (const auto& [why, count] : statistics["not-judged"].items()) {
    total += count.get<std::uint64_t>();
    reasons +=
        fmt::format("{} {} ({})", reasons.empty() ? ":" : ",", why, count.get<std::uint64_t>());
  }
  return fmt::format("steps not judged: {} of {}{}\n", total,
                     statistics["steps"].get<std::uint64_t>(), reasons);
}

/// "seed 1, profile default, on model and engine, shard 2/5: 400 runs, 16000 steps, "
std::string line_of(const json& summary) {
  const std::uint64_t shards = summary["shard"][1];
  const std::string shard =
      shards == 1 ? ""
                  : fmt::format(", shard {}/{}", summary["shard"][0].get<std::uint64_t>(), shards);
  return fmt::format("{}seed {}, profile {}, on {}{}: {} runs, {} steps, ",
                     summary["interrupted"] ? "interrupted; " : "",
                     summary["seed"].get<std::uint64_t>(), summary["profile"].get<std::string>(),
                     joined_names(summary["subjects"]), shard,
                     summary["statistics"]["runs"].get<std::uint64_t>(),
                     summary["statistics"]["steps"].get<std::uint64_t>());
}

}  // namespace

std::string summary_text(const json& summary) {
  const json& seen = summary["statistics"];
  std::string text;
  for (const json& found : summary["failures"]) text += found_text(found);
  text += counts_text("steps carried out", seen["done"]);
  text += counts_text("steps refused", seen["refused"]);
  text += counts_text("refusals", seen["refusals"]);
  text += counts_text("refusals that no rule lists", seen["unlisted-refusals"]);
  text += counts_text("events", seen["events"]);
  text += counts_text("job states", seen["job-states"]);
  text += coverage_text(summary["coverage"]);
  text += unjudged_text(seen);
  for (const json& name : summary.value("left-out", json::array())) {
    text += fmt::format("{} hung {} times: the runs that were left are left out\n",
                        name.get<std::string>(), Acquaintance::most_hangs);
  }
  text += line_of(summary);
  if (summary["failures"].empty()) return text + "no failure\n";
  return text + fmt::format("{} kinds of failures\n", summary["failures"].size());
}

json summary_of(const Campaign& campaign, const Outcome& outcome) {
  json found = json::array();
  for (const Found& each : outcome.found) {
    found.push_back({{"run", each.run},
                     {"times", each.times},
                     {"drawn", each.drawn},
                     {"trials", each.shrunk.trials},
                     {"signature", each.shrunk.failure.signature},
                     {"report", each.shrunk.failure.report},
                     {"program", each.shrunk.program},
                     {"file", each.file}});
  }
  return {{"commit", commit()},
          {"seed", campaign.seed},
          {"runs", campaign.time ? json() : json(campaign.runs)},
          {"profile", campaign.profile.name},
          {"subjects", campaign.cast.subjects},
          {"steps-of-a-run", campaign.steps},
          {"shard", {campaign.shard + 1, campaign.shards}},
          {"interrupted", outcome.interrupted},
          {"left-out", outcome.left_out},
          {"statistics", to_json(outcome.statistics)},
          {"coverage", coverage_json(outcome.statistics)},
          {"failures", std::move(found)}};
}

std::string earlier_text(const std::vector<Earlier>& earlier) {
  std::string text;
  for (const Earlier& each : earlier) {
    text += each.failure ? fmt::format("{} still fails: {}\n", each.file, each.failure->signature)
                         : fmt::format("{} no longer fails\n", each.file);
  }
  return text;
}

}  // namespace sim::fuzz
