// SPDX-License-Identifier: MIT
// After a crash a witness is in one world, whichever that is, and stays there.
#include "sim/worlds.h"

#include <nlohmann/json.hpp>

#include "sim/lockstep.h"
#include "sim/observe.h"
#include "sim/report.h"
#include "sim/subjects.h"
#include "tests/catch.h"
#include "tests/sim/lying_subject.h"
#include "tests/sim/scenario_of.h"
#include "tests/text.h"

using nlohmann::json;
using tests::has;
using tests::scenario_of;

namespace {

/// A quit that is cut short: the bitmap is stored and valid then, or still marked in use.
constexpr const char* story =
    "create TEST_DIR/PID-f 1M\n"
    "drive d TEST_DIR/PID-f\n"
    "block-dirty-bitmap-add node=d name=b persistent=true\n"
    "restart\n"
    "drive d TEST_DIR/PID-f\n"
    "kill at 3: quit\n"
    "show info TEST_DIR/PID-f\n"
    "drive d TEST_DIR/PID-f\n"
    "show bitmaps d\n"
    "block-dirty-bitmap-remove node=d name=b\n"
    "show bitmaps d\n"
    "restart\n"
    "show info TEST_DIR/PID-f\n";

/// What is left of a step that a crash cuts short.
enum class Left { nothing, everything };

/// Tells what the model tells, and is in one world after a crash. Its lie may change answers.
class Witness : public LyingSubject {
 public:
  Witness(
      const std::string& name, Left left, Lie lie = [](const std::string&, json&) {})
      : LyingSubject(name, std::move(lie)), left_(left) {}

  void cut_short(const sim::Cut&, const std::function<void()>& step) override {
    if (left_ == Left::everything) step();
    stop(sim::Stop::kill);
  }

 private:
  Left left_;
};

/// The report of the first difference; empty if they agree.
std::string report_of_run(const std::vector<sim::Subject*>& witnesses) {
  sim::Lockstep lockstep(witnesses);
  const sim::Scenario scenario = scenario_of(story);
  for (const sim::Step& step : scenario.testcases[0].steps) {
    if (const auto difference = lockstep.step(step)) {
      return sim::difference_text(scenario, "t", *difference);
    }
  }
  return {};
}

}  // namespace

TEST_CASE("two witnesses in different worlds are both right") {
  Witness early("early", Left::nothing), late("late", Left::everything);
  CHECK(report_of_run({&early, &late}).empty());
  CHECK(report_of_run({&late, &early}).empty());
}

TEST_CASE("a witness that mixes two worlds is convicted") {
  // The header of one world, and the bitmaps of the other.
  Witness truth("truth", Left::everything);
  json valid;
  const sim::Scenario scenario = scenario_of(story);
  for (const sim::Step& step : scenario.testcases[0].steps) {
    if (step.line > 9) break;
    valid = observe(truth, step);
  }
  bool changed = false;
  Witness mixed("mixed", Left::nothing, [&](const std::string& kind, json& answer) {
    if (kind != "execute" || !answer.contains("return") || !answer["return"].is_array()) return;
    for (json& device : answer["return"]) {
      if (!device.contains("inserted") || !device["inserted"].contains("dirty-bitmaps")) continue;
      json& bitmap = device["inserted"]["dirty-bitmaps"][0];
      if (!bitmap.contains("inconsistent")) continue;
      bitmap.erase("inconsistent");
      bitmap["recording"] = valid[0]["recording"];
      changed = true;
    }
  });
  Witness early("early", Left::nothing);
  const std::string text = report_of_run({&mixed, &early});
  INFO(text);
  CHECK(changed);
  CHECK(has(text, "story:9: testcase \"t\": show bitmaps d\n"));
  CHECK(has(text, "mixed: "));
  CHECK_FALSE(has(text, "early: "));
}

TEST_CASE("what a witness shows rules worlds out for it alone") {
  sim::Worlds worlds(2);
  Witness early("early", Left::nothing), late("late", Left::everything);
  const sim::Scenario scenario = scenario_of(story);
  const auto do_step = [&](std::size_t line) {
    const sim::Step& step = scenario.testcases[0].steps[line - 1];
    worlds.lead_on(step);
    CHECK_FALSE(worlds.hear(0, step, observe(early, step), nullptr).finding);
    CHECK_FALSE(worlds.hear(1, step, observe(late, step), nullptr).finding);
  };
  for (std::size_t line = 1; line <= 5; ++line) do_step(line);
  CHECK(worlds.size() == 1);
  do_step(6);
  const std::size_t all = worlds.size();
  CHECK(all >= 2);
  CHECK(worlds.size_for(0) == all);
  do_step(7);
  CHECK(worlds.size() == all);
  CHECK(worlds.size_for(0) < all);
  CHECK(worlds.size_for(1) < all);
}

TEST_CASE("what a command that meets a job's end is answered goes with what comes of it") {
  // Told twice to complete: the job is there and says yes, or is gone (M58).
  sim::Worlds worlds(3);
  const sim::Scenario scenario = scenario_of(
      "create TEST_DIR/PID-f 1M\n"
      "drive d TEST_DIR/PID-f\n"
      "blockdev-snapshot-sync device=d snapshot-file=TEST_DIR/PID-g\n"
      "block-commit device=d\n"
      "wait BLOCK_JOB_READY\n"
      "query-jobs\n"
      "block-job-complete device=d\n"
      "block-job-complete device=d\n"
      "query-jobs\n");
  const std::vector<sim::Step>& steps = scenario.testcases[0].steps;
  const auto do_step = [&](std::size_t line) { worlds.lead_on(steps[line - 1]); };
  const auto hears = [&](std::size_t witness, std::size_t line, const json& seen) {
    return worlds.hear(witness, steps[line - 1], seen, nullptr).finding;
  };
  for (std::size_t line = 1; line <= 6; ++line) do_step(line);
  const json there = worlds.take_allowed(), gone{{"return", json::array()}};
  const json yes{{"return", json::object()}};
  const json no{{"error", {{"class", "DeviceNotActive"}, {"desc", "Block job 'd' not found"}}}};
  do_step(7);
  do_step(8);
  CHECK_FALSE(hears(0, 8, no));
  CHECK_FALSE(hears(1, 8, no));
  CHECK_FALSE(hears(2, 8, yes));
  do_step(9);
  CHECK_FALSE(hears(0, 9, gone));
  CHECK(hears(1, 9, there));
  CHECK_FALSE(hears(2, 9, there));
}

TEST_CASE("what was lost in a crash does not come back") {
  // A write that was not flushed: after the crash the guest reads the old byte or the new one, and
  // the same one the next time.
  sim::Worlds worlds(1);
  const sim::Scenario scenario = scenario_of(
      "create TEST_DIR/PID-f 64K\n"
      "drive d TEST_DIR/PID-f\n"
      "io d write -P 5 0 64K\n"
      "kill\n"
      "drive d TEST_DIR/PID-f\n"
      "show data d\n"
      "show data d\n"
      "io d write -P 5 0 512\n"
      "show data d\n");
  const std::vector<sim::Step>& steps = scenario.testcases[0].steps;
  const auto shows = [&](std::size_t line, const json& seen) {
    worlds.lead_on(steps[line - 1]);
    return worlds.hear(0, steps[line - 1], seen, nullptr).finding;
  };
  const json nothing = json::parse("[[0,65536,[0]]]"), all = json::parse("[[0,65536,[5]]]");
  for (std::size_t line = 1; line <= 5; ++line) worlds.lead_on(steps[line - 1]);
  CHECK_FALSE(shows(6, nothing));
  CHECK(shows(7, all));
  CHECK_FALSE(shows(7, nothing));
  worlds.lead_on(steps[7]);
  CHECK_FALSE(shows(9, json::parse("[[0,512,[5]],[512,65024,[0]]]")));
  CHECK(shows(9, json::parse("[[0,1024,[5]],[1024,64512,[0]]]")));
}

TEST_CASE(
    "what is closed while its storage fails was stored or not, and who says so is held to it") {
  // A write fails somewhere in the store (M65): without a word the bitmap is stored.
  sim::Worlds worlds(3);
  const sim::Scenario scenario = scenario_of(
      "create TEST_DIR/PID-f 1M\n"
      "drive d TEST_DIR/PID-f\n"
      "block-dirty-bitmap-add node=d name=b persistent=true\n"
      "restart\n"
      "drive d TEST_DIR/PID-f\n"
      "show info TEST_DIR/PID-f\n"
      "fail TEST_DIR/PID-f write once after=1\n"
      "unplug d\n"
      "show info TEST_DIR/PID-f\n");
  const std::vector<sim::Step>& steps = scenario.testcases[0].steps;
  const auto do_step = [&](std::size_t line) { worlds.lead_on(steps[line - 1]); };
  const auto hears = [&](std::size_t witness, std::size_t line, const json& seen) {
    return worlds.hear(witness, steps[line - 1], seen, nullptr).finding;
  };
  for (std::size_t line = 1; line <= 6; ++line) do_step(line);
  const json in_use = worlds.take_allowed();
  json stored = in_use;
  stored["bitmaps"][0]["flags"] = {"auto"};
  do_step(7);
  do_step(8);
  CHECK_FALSE(hears(0, 8, {{"return", json::object()}}));
  for (const std::size_t told : {1, 2}) {
    const json lost{{"error", {{"class", "GenericError"}, {"desc", "Lost persistent bitmaps"}}}};
    CHECK_FALSE(hears(told, 8, lost));
  }
  do_step(9);
  CHECK(hears(0, 9, in_use));
  CHECK_FALSE(hears(0, 9, stored));
  CHECK_FALSE(hears(1, 9, in_use));
  CHECK_FALSE(hears(2, 9, stored));
}

TEST_CASE("equal worlds are one") {
  sim::Worlds worlds(1);
  const sim::Scenario scenario = scenario_of(
      "create TEST_DIR/PID-f 1M\n"
      "drive d TEST_DIR/PID-f\n"
      "kill at 1: io d read 0 512\n"
      "show info TEST_DIR/PID-f\n");
  for (const sim::Step& step : scenario.testcases[0].steps) worlds.lead_on(step);
  CHECK(worlds.size() == 1);
}

TEST_CASE("too many worlds are not judged, and that is said") {
  std::string many = "create TEST_DIR/PID-f 1M\n";
  for (int i = 0; i < 12; ++i) {
    const std::string n = std::to_string(i);
    many += "kill at 2: create TEST_DIR/PID-" + n + " " + std::to_string(512 * (i + 1)) + "\n";
  }
  sim::Worlds worlds(1);
  const sim::Scenario scenario = scenario_of(many + "show info TEST_DIR/PID-f\n");
  sim::Worlds::Heard heard;
  for (const sim::Step& step : scenario.testcases[0].steps) {
    worlds.lead_on(step);
    heard = worlds.hear(0, step, "rubbish", nullptr);
    CHECK(worlds.size() <= sim::Worlds::most);
  }
  CHECK_FALSE(heard.finding);
  CHECK(heard.not_judged == "too many worlds");
  CHECK(worlds.take_allowed() == json{{"$any", "too many worlds"}});
}
