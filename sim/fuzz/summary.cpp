// SPDX-License-Identifier: MIT
#include "sim/fuzz/summary.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sim/fuzz/coverage.h"
#include "sim/report.h"

namespace sim::fuzz {

using nlohmann::json;

namespace {

std::string counts_text(const char* title, const Statistics::Counts& counts) {
  std::string text = fmt::format("{}:\n", title);
  for (const auto& [name, count] : counts) text += fmt::format("  {:>9}  {}\n", count, name);
  return text;
}

std::string found_text(const Found& found) {
  std::string text = fmt::format("run {} ({} like it): {} lines, drawn as {}, {} tries: {}\n",
                                 found.run, found.times - 1, found.shrunk.program.size(),
                                 found.drawn, found.shrunk.trials, found.file);
  text += found.shrunk.failure.report;
  for (const std::string& line : found.shrunk.program) text += "    " + line + "\n";
  return text + "\n";
}

}  // namespace

std::string summary_text(const Campaign& campaign, const Outcome& outcome) {
  const Statistics& seen = outcome.statistics;
  std::string text;
  for (const Found& found : outcome.found) text += found_text(found);
  text += counts_text("steps carried out", seen.done);
  text += counts_text("steps refused", seen.refused);
  text += counts_text("refusals", seen.refusals);
  text += counts_text("refusals that no rule lists", seen.unlisted);
  text += counts_text("events", seen.events);
  text += counts_text("job states", seen.job_states);
  text += coverage_text(coverage_json(seen));
  text +=
      fmt::format("{}seed {}, profile {}, on {}: {} runs, {} steps, ",
                  outcome.interrupted ? "interrupted; " : "", campaign.seed, campaign.profile.name,
                  joined_names(campaign.cast.subjects), seen.runs, seen.steps);
  if (outcome.found.empty()) return text + "no failure\n";
  return text + fmt::format("{} kinds of failures\n", outcome.found.size());
}

json summary_json(const Campaign& campaign, const Outcome& outcome) {
  json found = json::array();
  for (const Found& each : outcome.found) {
    found.push_back({{"run", each.run},
                     {"times", each.times},
                     {"drawn", each.drawn},
                     {"trials", each.shrunk.trials},
                     {"signature", each.shrunk.failure.signature},
                     {"program", each.shrunk.program},
                     {"file", each.file}});
  }
  return {{"seed", campaign.seed},
          {"profile", campaign.profile.name},
          {"subjects", campaign.cast.subjects},
          {"steps-of-a-run", campaign.steps},
          {"shard", {campaign.shard, campaign.shards}},
          {"interrupted", outcome.interrupted},
          {"statistics", to_json(outcome.statistics)},
          {"coverage", coverage_json(outcome.statistics)},
          {"failures", std::move(found)}};
}

}  // namespace sim::fuzz
