// SPDX-License-Identifier: MIT
// Whether random runs find faults that were put in on purpose.
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/shell.h"
#include "tests/temp_dir.h"

namespace tests {
namespace {

using nlohmann::json;

const std::string canary = std::string(MUTANTS) + "/mutant_canary-merge-loses-a-bit";

json fuzzed(const std::string& options) {
  const TempDir found;
  const ShellResult result =
      shell("'" + canary + "' fuzz --profile bitmaps --trials 0 --json --out '" +
            found.path().string() + "' " + options);
  INFO(result.out);
  REQUIRE(result.status == 1);
  return json::parse(result.out);
}

TEST_CASE("a campaign may end with its first failure, whoever finds it") {
  const json all = fuzzed("--runs 60");
  const std::uint64_t first = all["failures"][0]["run"];
  for (const std::string jobs : {"1", "3"}) {
    const json summary = fuzzed("--runs 60 --until-failure --jobs " + jobs);
    REQUIRE(summary["failures"].size() == 1);
    CHECK(summary["failures"][0]["run"] == first);
    CHECK(summary["failures"][0]["times"] == 1);
    if (jobs == "1") CHECK(summary["statistics"]["runs"] == first + 1);
  }
}

}  // namespace
}  // namespace tests
