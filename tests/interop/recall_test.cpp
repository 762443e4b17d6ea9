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
  const json all = fuzzed("--runs 200");
  const std::uint64_t first = all["failures"][0]["run"];
  for (const std::string jobs : {"1", "3"}) {
    const json summary = fuzzed("--runs 200 --until-failure --jobs " + jobs);
    REQUIRE(summary["failures"].size() == 1);
    CHECK(summary["failures"][0]["run"] == first);
    CHECK(summary["failures"][0]["times"] == 1);
    if (jobs == "1") CHECK(summary["statistics"]["runs"] == first + 1);
  }
}

/// Measures recall with one mutant.
ShellResult recall(const std::string& mutant, const std::string& options) {
  const TempDir found;
  return shell("BLOCKTWIN_ROOT='" + std::string(SOURCE_DIR) + "' '" + BLOCKTWIN + "' mutants '" +
               mutant + "' --profile bitmaps --jobs 1 --build '" + BUILD + "' --out '" +
               found.path().string() + "' " + options + " 2>/dev/null");
}

TEST_CASE("a fault is found, told in few steps that fail again, and nothing without it") {
  const ShellResult result = recall("canary-merge-loses-a-bit", "--time 10 --json");
  INFO(result.out);
  CHECK(result.status == 0);
  const json report = json::parse(result.out);
  CHECK(report["found"] == 1);
  const json& mutant = report["mutants"][0];
  CHECK(mutant["length"] <= 8);
  CHECK(mutant["replayed"] == true);
  CHECK(mutant["fault-alone"] == true);
  CHECK(mutant["steps"] > 0);
  CHECK(report["controls"].size() == 1);
  CHECK(report["controls"][0]["found"] == false);
}

TEST_CASE("a fault that is not found is named, and is no success") {
  const ShellResult result = recall("canary-changes-nothing", "--time 1");
  INFO(result.out);
  CHECK(result.status == 1);
  CHECK(result.out.find("survived: canary-changes-nothing\n") != std::string::npos);
  CHECK(result.out.find("found 0 of 1") != std::string::npos);
}

TEST_CASE("a mutant that there is not is refused") {
  CHECK(recall("no-such-mutant", "").status == 2);
}

}  // namespace
}  // namespace tests
