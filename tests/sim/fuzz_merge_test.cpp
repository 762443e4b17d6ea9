// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "sim/fuzz/campaign.h"
#include "sim/fuzz/merge.h"
#include "sim/fuzz/summary.h"
#include "sim/usage_error.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

namespace {

using namespace sim::fuzz;
using nlohmann::json;

/// A campaign in which programs of an even and of an odd number of lines fail differently.
Campaign campaign(const std::string& out) {
  Campaign campaign;
  campaign.runs = 30;
  campaign.steps = 10;
  campaign.trials = 5;
  campaign.profile = find_profile("bitmaps");
  campaign.cast.subjects = {"model"};
  campaign.out = out;
  campaign.attempt = [](const Program& program, const std::string&, const sim::Cast&,
                        sim::Workspace*) -> std::optional<Failure> {
    return Failure{program.size(), program.size() % 2 == 0 ? "even" : "odd", "  planted\n"};
  };
  return campaign;
}

json summary(Campaign each, std::uint64_t shard, std::uint64_t shards) {
  each.shard = shard;
  each.shards = shards;
  return summary_of(each, carry_out(each, nullptr));
}

std::vector<Shard> three_shards(const Campaign& whole) {
  return {{"b", summary(whole, 1, 3)}, {"a", summary(whole, 0, 3)}, {"c", summary(whole, 2, 3)}};
}

std::string refusal(const std::vector<Shard>& shards) {
  try {
    merged(shards);
  } catch (const sim::UsageError& error) {
    return error.what();
  }
  return "merged";
}

}  // namespace

TEST_CASE("the shards of a campaign give the summary of the whole") {
  const tests::TempDir directory;
  const Campaign whole = campaign(directory / "out");
  const json joined = merged(three_shards(whole));
  CHECK(joined == summary(whole, 0, 1));
  CHECK(joined["failures"].size() == 2);
  CHECK(summary_text(joined).find("shard") == std::string::npos);
}

TEST_CASE("shards that do not make up one campaign are refused") {
  const tests::TempDir directory;
  const Campaign whole = campaign(directory / "out");
  const std::vector<Shard> shards = three_shards(whole);
  CHECK(refusal({shards[0], shards[1]}) == "shard 3/3 is missing");
  CHECK(refusal({shards[0], shards[2]}) == "shard 1/3 is missing");
  CHECK(refusal({shards[0], shards[1], {"copy", shards[0].summary}, shards[2]}) ==
        "b and copy are the same shard 2/3");

  Campaign other = whole;
  other.seed = 2;
  CHECK(refusal({shards[0], {"other", summary(other, 0, 3)}, shards[2]}) ==
        "b and other do not belong together: seed 1 and 2");
  other = whole;
  other.steps = 11;
  CHECK(refusal({shards[0], {"other", summary(other, 0, 3)}, shards[2]}) ==
        "b and other do not belong together: steps-of-a-run 10 and 11");
  CHECK(refusal({shards[0], {"other", summary(whole, 0, 2)}}) ==
        "b and other do not belong together: one of 3 shards, one of 2");
  std::vector<Shard> older = shards;
  older[1].summary["commit"] = "0123456789ab";
  CHECK(refusal(older).starts_with("b and a do not belong together: commit "));
  CHECK(refusal({{"text", "hello"}}) == "text: not a summary of fuzz --json");
  CHECK(refusal({{"half", {{"seed", 1}}}}) == "half: not a summary of fuzz --json");
}

TEST_CASE("a campaign of which a shard was interrupted was interrupted") {
  const tests::TempDir directory;
  std::vector<Shard> shards = three_shards(campaign(directory / "out"));
  shards[2].summary["interrupted"] = true;
  CHECK(merged(shards)["interrupted"] == true);
}
