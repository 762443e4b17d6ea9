// SPDX-License-Identifier: MIT
// Crashes as steps of the language: model and engine must agree on what they may leave.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sim/observe.h"
#include "sim/report.h"
#include "sim/runner.h"
#include "sim/script/expand.h"
#include "sim/subjects.h"
#include "tests/catch.h"
#include "tests/text.h"

using tests::has;

namespace {

sim::Scenario scenario_of(const std::string& text) {
  const auto script = sim::script::parse(text, "story");
  sim::Scenario scenario;
  scenario.path = scenario.name = "story";
  for (const auto& run : sim::script::runs(script, "story")) {
    scenario.testcases.push_back({run.title, sim::script::steps(script, run)});
  }
  return scenario;
}

/// The transcript on model and engine; the report of their first difference if there is one.
std::string outcome(const std::string& text, sim::Timing timing = sim::Timing::instant) {
  const sim::Scenario scenario = scenario_of(text);
  sim::Cast cast{{"model", "engine"}};
  cast.timing = timing;
  const sim::ScenarioResult result = sim::run_scenario(scenario, cast, nullptr);
  const auto& difference = result.testcases.front().difference;
  return difference ? sim::difference_text(scenario, "t", *difference) : result.transcript.text();
}

/// What the engine shows in the last step, whatever is allowed.
nlohmann::json seen_by_engine(const std::string& text) {
  const sim::Scenario scenario = scenario_of(text);
  const auto engine =
      sim::make_engine_subject(sim::StorageKind::sim, {}, sim::Timing::instant, sim::Journal::on);
  nlohmann::json seen;
  for (const sim::Step& step : scenario.testcases.front().steps) seen = observe(*engine, step);
  return seen;
}

/// A bitmap that is stored twice; `step` stands in for one of the lines.
std::string story_with(int number, const std::string& prefix) {
  const std::vector<std::string> lines = {
      "create TEST_DIR/PID-base 256K",
      "drive drive0 TEST_DIR/PID-base",
      "block-dirty-bitmap-add node=drive0 name=b persistent=true",
      "io drive0 write -P 1 0 64K",
      "blockdev-snapshot-sync device=drive0 snapshot-file=TEST_DIR/PID-top",
      "io drive0 write -P 2 64K 64K",
      "block-commit device=drive0",
      "wait BLOCK_JOB_READY",
      "block-job-complete device=drive0",
      "restart",
  };
  std::string text;
  for (int i = 0; i < number; ++i) text += lines[static_cast<std::size_t>(i)] + "\n";
  text += prefix + lines[static_cast<std::size_t>(number)] + "\n";
  return text +
         "show info TEST_DIR/PID-base\n"
         "show check TEST_DIR/PID-base\n"
         "drive look TEST_DIR/PID-base read-only=on\n"
         "show bitmaps look\n"
         "show dirty look b\n"
         "show data look\n";
}

}  // namespace

TEST_CASE("a power cut takes what was not flushed, if nothing says that it is kept") {
  const std::string start =
      "create TEST_DIR/PID-f 128K\n"
      "drive drive0 TEST_DIR/PID-f\n"
      "io drive0 write -P 1 0 64K\n"
      "io drive0 flush\n"
      "io drive0 write -P 2 0 1K\n";
  const std::string end = "power\ndrive drive0 TEST_DIR/PID-f\nshow data drive0\n";
  CHECK(seen_by_engine(start + end) == nlohmann::json({{0, 65536, {1}}, {65536, 65536, {0}}}));
  const std::string text = outcome(start + end);
  CHECK(has(text, "... Power cut ...\ndrive0: 0+1024 0x01|0x02, 1024+64512 0x01, 65536+65536 0\n"));
}

TEST_CASE("a step that is cut short leaves what one before it or after it leaves") {
  for (const auto timing : {sim::Timing::instant, sim::Timing::timed}) {
    for (int number = 4; number < 10; ++number) {
      for (unsigned operation = 1; operation <= 30; ++operation) {
        for (const char* how : {"kill at {}: ", "power at {}: ", "power at {} seed=5: "}) {
          const std::string prefix = fmt::format(fmt::runtime(how), operation);
          const std::string text = outcome(story_with(number, prefix), timing);
          INFO(text);
          CHECK_FALSE(has(text, "engine"));
        }
      }
    }
  }
}

TEST_CASE("a cut is told in the transcript; a step with fewer operations comes to its end") {
  const std::string text = outcome(story_with(4, "kill at 10000: "));
  CHECK(has(text,
            "\n... kill at 10000: blockdev-snapshot-sync device=drive0 "
            "snapshot-file=TEST_DIR/PID-top ...\n"));
  CHECK(has(text, "TEST_DIR/PID-base: bitmap b granularity=65536 flags=auto\n"));
}

TEST_CASE("a power cut that is to keep what is not there ends the run, with its line") {
  const std::string start =
      "create TEST_DIR/PID-a 1M\ndrive d TEST_DIR/PID-a\nio d write -P 1 0 512\n";
  CHECK_THROWS_WITH(outcome(start + "power keep=1,99\n"),
                    Catch::Matchers::StartsWith("story:4: power keep=1,99: keep=1,99 names change "
                                                "99, which is not there: "));
  CHECK_THROWS_WITH(outcome(start + "power keep=1.5000-5001\n"),
                    Catch::Matchers::StartsWith("story:4: "));
  CHECK(has(outcome(start + "power keep=1\n"), "... Power cut ..."));
}
