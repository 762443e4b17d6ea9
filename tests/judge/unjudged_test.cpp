// SPDX-License-Identifier: MIT
// A step that was not judged is counted and said, and a script may say why it has some.
#include <nlohmann/json.hpp>

#include "sim/lockstep.h"
#include "sim/report.h"
#include "sim/summary.h"
#include "tests/catch.h"
#include "tests/sim/lying_subject.h"
#include "tests/sim/scenario_of.h"
#include "tests/text.h"

using nlohmann::json;
using tests::has;
using tests::scenario_of;

namespace {

/// What a witness that lets nobody see its guest I/O leaves unjudged.
sim::ScenarioResult blind_run(const sim::Scenario& scenario) {
  LyingSubject blind("blind", [](const std::string& kind, json& answer) {
    if (kind == "data") answer = json{{"$any", "its data is not seen"}};
  });
  sim::Lockstep lockstep({&blind});
  for (const sim::Step& step : scenario.testcases[0].steps) CHECK_FALSE(lockstep.step(step));
  sim::ScenarioResult result;
  result.testcases.push_back({"t", {}, {}, {}, lockstep.not_judged()});
  return result;
}

constexpr const char* unjudged_story =
    "create TEST_DIR/PID-f 64K\n"
    "drive d TEST_DIR/PID-f\n"
    "show data d\n"
    "show data d\n";

}  // namespace

TEST_CASE("steps that were not judged are counted by their reason") {
  const sim::Scenario scenario = scenario_of(unjudged_story);
  const sim::ScenarioResult result = blind_run(scenario);
  REQUIRE(result.testcases[0].not_judged.size() == 2);
  sim::Summary summary({"model", "blind"});
  summary.add(scenario, result, sim::GoldenState::none);
  CHECK(summary.all_agree());
  CHECK(summary.unjudged_unasked());
  INFO(summary.text());
  CHECK(has(summary.text(), "all agree\n2 steps were not judged: its data is not seen (2)\n"));
  const std::string report = sim::unjudged_text(scenario, "t", result.testcases[0].not_judged);
  CHECK(has(report, "story:3: testcase \"t\": show data d\n"));
  CHECK(has(report, "blind: not judged: its data is not seen\n"));
  CHECK(has(report, "and 1 more of this testcase\n"));
}

TEST_CASE("a script that says why is not blamed for them") {
  sim::Scenario scenario = scenario_of(unjudged_story);
  scenario.unjudged = "nobody can see the data";
  sim::Summary summary({"model", "blind"});
  summary.add(scenario, blind_run(scenario), sim::GoldenState::none);
  CHECK_FALSE(summary.unjudged_unasked());
  CHECK(has(summary.text(), "2 steps were not judged"));
}

TEST_CASE("a run in which all was judged says nothing of it") {
  const sim::Scenario scenario = scenario_of(unjudged_story);
  sim::ScenarioResult result;
  result.testcases.push_back({"t", {}, {}, {}, {}});
  sim::Summary summary({"model"});
  summary.add(scenario, result, sim::GoldenState::none);
  CHECK_FALSE(summary.unjudged_unasked());
  CHECK_FALSE(has(summary.text(), "not judged"));
}
