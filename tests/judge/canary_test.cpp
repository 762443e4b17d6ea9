// SPDX-License-Identifier: MIT
// A subject that lies must be caught, at the step where it lies, and by its name.
#include <nlohmann/json.hpp>

#include "sim/lockstep.h"
#include "sim/report.h"
#include "tests/catch.h"
#include "tests/sim/lying_subject.h"
#include "tests/sim/scenario_of.h"
#include "tests/text.h"

using nlohmann::json;
using tests::has;

using tests::scenario_of;

namespace {

constexpr const char* story_of_all =
    "create TEST_DIR/PID-base 1M\n"
    "drive drive0 TEST_DIR/PID-base\n"
    "block-dirty-bitmap-add node=drive0 name=b\n"
    "io drive0 write -P 1 0 64K\n"
    "io drive0 write -P 2 128K 64K\n"
    "show bitmaps drive0\n"
    "show dirty drive0 b\n"
    "show data drive0\n"
    "restart\n"
    "show check TEST_DIR/PID-base\n";

/// The report of the first difference among the model and `others`; empty if they agree.
std::string report(const std::vector<sim::Subject*>& others) {
  sim::Lockstep lockstep(others);
  const sim::Scenario scenario = scenario_of(story_of_all);
  for (const sim::Step& step : scenario.testcases[0].steps) {
    if (const auto difference = lockstep.step(step)) {
      return sim::difference_text(scenario, "t", *difference);
    }
  }
  return {};
}

std::string report_of(const LyingSubject::Lie& lie) {
  LyingSubject liar("liar", lie);
  return report({&liar});
}

/// Changes the answers of one kind.
LyingSubject::Lie lie_about(const std::string& kind, const std::function<void(json&)>& change) {
  return [=](const std::string& asked, json& answer) {
    if (asked == kind) change(answer);
  };
}

const LyingSubject::Lie honest = [](const std::string&, json&) {};
const LyingSubject::Lie forgets_a_run = lie_about("dirty", [](json& answer) {
  answer["must"].erase(0);
  answer["may"].erase(0);
});

}  // namespace

TEST_CASE("subjects that tell the same agree") { CHECK(report_of(honest).empty()); }

TEST_CASE("canary: a lost bit is data loss") {
  const std::string text = report_of(forgets_a_run);
  INFO(text);
  CHECK(has(text, "story:7: testcase \"t\": show dirty drive0 b\n"));
  CHECK(has(text, "liar: under-dirty (data loss) at offset 0, 65536 bytes"));
  CHECK(has(text, "model | drive0/b: dirty 0+65536 131072+65536\n"));
  CHECK(has(text, "liar  | drive0/b: dirty 131072+65536\n"));
}

TEST_CASE("canary: a bit too many is waste") {
  const std::string text = report_of(lie_about("dirty", [](json& answer) {
    answer["must"][0][1] = 131072;
    answer["may"][0][1] = 131072;
  }));
  INFO(text);
  CHECK(has(text, "liar: over-dirty (waste) at offset 65536, 65536 bytes"));
}

TEST_CASE("canary: a wrong byte, count, refusal, silence and leak are seen where they happen") {
  CHECK(has(report_of(lie_about("data", [](json& answer) { answer[0][2][0] = 3; })),
            "story:8: testcase \"t\": show data drive0\n"
            "  liar: different at offset 0, 65536 bytes: expected 0x01, found 0x03\n"));
  CHECK(has(
      report_of(lie_about("execute",
                          [](json& answer) {
                            if (answer["return"].is_array()) {
                              answer["return"][0]["inserted"]["dirty-bitmaps"][0]["count"] = 0;
                            }
                          })),
      "story:6: testcase \"t\": show bitmaps drive0\n  liar: under-dirty (data loss) [0].count"));
  CHECK(has(report_of(lie_about("io", [](json& answer) { answer = "write failed: no"; })),
            "story:4: testcase \"t\": io drive0 write -P 1 0 64K\n"));
  CHECK(has(report_of(lie_about("create",
                                [](json& answer) {
                                  answer = {{"error", {{"class", "GenericError"}, {"desc", "no"}}}};
                                })),
            "story:1: "));
  CHECK(
      has(report_of(lie_about("check", [](json& answer) { answer["leaks"] = 1; })), "story:10: "));
}

TEST_CASE("canary: a subject that breaks is a difference, not an end") {
  const std::string text =
      report_of(lie_about("data", [](json&) { throw sim::SubjectFailure("fell over"); }));
  INFO(text);
  CHECK(has(text, "story:8: "));
  CHECK(has(text, "liar  | broke: fell over\n"));
}

TEST_CASE("two against one is said so") {
  LyingSubject liar("liar", forgets_a_run), honest_one("honest", honest);
  CHECK(has(report({&liar, &honest_one}), "model and honest agree against liar"));
  LyingSubject first("first", forgets_a_run), second("second", forgets_a_run);
  CHECK(has(report({&first, &second}), "first and second agree against model"));
}

TEST_CASE("canary: a changed line of a golden is told with its step") {
  sim::Scenario scenario = scenario_of(story_of_all);
  scenario.golden = "golden/story.txt";
  sim::Transcript transcript;
  transcript.title("t");
  for (const sim::Step& step : scenario.testcases[0].steps) {
    const bool command = std::holds_alternative<sim::QmpStep>(step.action);
    if (command) transcript.step(step, json::parse(R"({"return": {}})"));
  }
  transcript.step(scenario.testcases[0].steps[8], nullptr);  // the restart
  CHECK_FALSE(sim::golden_difference(scenario, transcript, transcript.text(), {"model"}));
  CHECK(sim::golden_difference(scenario, transcript, transcript.text() + "more\n", {"model"}));
  std::string golden = transcript.text();
  golden.replace(golden.find("return"), 6, "RETURN");
  const auto text = sim::golden_difference(scenario, transcript, golden, {"model", "engine"});
  REQUIRE(text);
  INFO(*text);
  CHECK(has(*text, "golden/story.txt:5: differs from what model and engine showed\n"));
  CHECK(has(*text, "story:3: testcase \"t\": block-dirty-bitmap-add node=drive0 name=b\n"));
  CHECK(has(*text, "golden           | {\"RETURN\": {}}\n"));
  CHECK(has(*text, "model and engine | {\"return\": {}}\n"));
}
