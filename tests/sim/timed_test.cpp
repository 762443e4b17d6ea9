// SPDX-License-Identifier: MIT
// Time must not change what is seen: the same stories on a disk that answers at once and on one
// that takes its time.
#include "sim/report.h"
#include "sim/runner.h"
#include "tests/catch.h"

namespace {

/// Whether a step leaves a request in flight, so that what follows may see it or not.
bool leaves_requests_in_flight(const sim::Scenario& scenario) {
  for (const sim::Scenario::Testcase& testcase : scenario.testcases) {
    for (const sim::Step& step : testcase.steps) {
      const auto* io = std::get_if<sim::IoStep>(&step.action);
      if (io != nullptr && io->command.starts_with("aio_")) return true;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("all scenarios show the same on a disk that takes its time") {
  const sim::Project project{SOURCE_DIR};
  for (const std::string& path : sim::find_scenarios({}, project)) {
    const sim::Scenario scenario = sim::load_scenario(path, project);
    if (leaves_requests_in_flight(scenario)) continue;
    sim::Cast cast;
    cast.subjects = {"engine"};
    cast.timing = sim::Timing::timed;
    const sim::ScenarioResult timed = sim::run_scenario(scenario, cast, nullptr);
    for (const sim::TestcaseResult& testcase : timed.testcases) {
      if (!testcase.difference) continue;
      INFO(sim::difference_text(scenario, testcase.title, *testcase.difference));
      CHECK(false);
    }
    cast.timing = sim::Timing::instant;
    CHECK(sim::run_scenario(scenario, cast, nullptr).transcript.text() == timed.transcript.text());
  }
}
