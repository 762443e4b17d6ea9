// SPDX-License-Identifier: MIT
#include "sim/sweep/fault_sweep.h"

#include <nlohmann/json.hpp>

#include "sim/sweep/looks.h"
#include "tests/catch.h"
#include "tests/sim/scenario_of.h"

using nlohmann::json;
using sim::sweep::AnyCase;
using sim::sweep::FaultFigures;
using sim::sweep::FaultSweep;
using sim::sweep::step_of;
using tests::scenario_of;

namespace {

constexpr const char* stored_twice =
    "create TEST_DIR/PID-f 256K\n"
    "drive drive0 TEST_DIR/PID-f\n"
    "block-dirty-bitmap-add node=drive0 name=b persistent=true granularity=512\n"
    "io drive0 write -P 1 0 4K\n"
    "unplug drive0\n"
    "drive drive0 TEST_DIR/PID-f\n"
    "io drive0 write -P 2 64K 64K\n"
    "io drive0 flush\n"
    "restart\n";

FaultFigures failing(const std::string& story, std::uint64_t first = 0) {
  const sim::Scenario scenario = scenario_of(story);
  return FaultSweep(scenario, scenario.testcases[0], first, [](const auto&, const auto&) {}).run();
}

std::optional<sim::Finding> judged(const std::string& step, const char* allowed, const char* seen) {
  return AnyCase()(step_of(step), json::parse(allowed), json::parse(seen));
}

}  // namespace

TEST_CASE("a sweep of faults fails each operation, writes in two ways, and finds nothing") {
  const FaultFigures figures = failing(stored_twice);
  for (const sim::sweep::Finding& each : figures.findings) WARN(each.report << each.story);
  CHECK(figures.failures == 0);
  CHECK(figures.operations > 40);
  CHECK(figures.faults > figures.operations);
  CHECK(figures.faults < 2 * figures.operations);
  CHECK(figures.silent > 0);
  CHECK(figures.silent < figures.faults);
  CHECK(figures.lost * 2 < figures.faults);
}

TEST_CASE("a sweep of faults goes on where another one died, and is the same each time") {
  const FaultFigures all = failing(stored_twice);
  CHECK(to_json(all) == to_json(failing(stored_twice)));
  CHECK(to_json(sim::sweep::fault_figures_of(to_json(all))) == to_json(all));
  CHECK(failing(stored_twice, 2 * all.operations - 4).faults <= 4);
  CHECK(failing(stored_twice, 2 * all.operations).faults == 0);
}

TEST_CASE(
    "a testcase with faults of its own is left out, one with one operation that fails is judged") {
  const FaultFigures own = failing(std::string("fail TEST_DIR/PID-f write\n") + stored_twice);
  CHECK(own.left_out);
  CHECK(own.faults == 0);
  const FaultFigures one = failing(
      "create TEST_DIR/PID-f 256K\n"
      "drive drive0 TEST_DIR/PID-f\n"
      "fail at 1 error=ENOSPC: io drive0 write -P 1 0 4K\n");
  CHECK_FALSE(one.left_out);
  CHECK(one.faults == 1);
  CHECK(one.failures == 0);
}

TEST_CASE("after a fault, what says too much is allowed, and what says too little is not") {
  const char* bits = R"({"must":[[0,512]],"may":[[0,512]]})";
  CHECK_FALSE(judged("show dirty d b", bits, R"({"must":[[0,4096]],"may":[[0,4096]]})"));
  const auto missing = judged("show dirty d b", bits, R"({"must":[],"may":[]})");
  REQUIRE(missing);
  CHECK(missing->fault == sim::Fault::under_dirty);
  CHECK_FALSE(judged("show dirty d b", bits, R"({"error":{"desc":"not found"}})"));

  const char* bytes = "[[0,512,[0,1]]]";
  CHECK_FALSE(judged("show data d", bytes, "[[0,512,[1]]]"));
  CHECK(judged("show data d", bytes, "[[0,512,[2]]]"));

  const char* whole = R"({"corruptions":0,"leaks":0})";
  CHECK_FALSE(judged("show check TEST_DIR/f", whole, R"({"corruptions":0,"leaks":7})"));
  CHECK(judged("show check TEST_DIR/f", whole, R"({"corruptions":1,"leaks":0})"));
  CHECK(judged("show check TEST_DIR/f", whole, R"({"error":{"desc":"cannot be opened"}})"));

  CHECK(
      judged("drive d TEST_DIR/f", R"({"return":{}})", R"({"error":{"desc":"cannot be opened"}})"));
  CHECK_FALSE(
      judged("drive d TEST_DIR/f", R"({"error":{"desc":"x"}})", R"({"error":{"desc":"y"}})"));
}

TEST_CASE("bits of one world or of another are allowed, but none of neither") {
  const char* worlds =
      R"({"$one-of":[{"must":[[0,512]],"may":[[0,512]]},{"must":[[512,512]],"may":[[512,512]]}]})";
  CHECK_FALSE(judged("show dirty d b", worlds, R"({"must":[[512,512]],"may":[[512,512]]})"));
  CHECK(judged("show dirty d b", worlds, R"({"must":[],"may":[]})"));
}

TEST_CASE("a bitmap that says that it is invalid need not have any bit") {
  AnyCase judge;
  const json bits = json::parse(R"({"must":[[0,512]],"may":[[0,512]]})");
  const json none = json::parse(R"({"must":[],"may":[]})");
  judge(step_of("show bitmaps d"), json::array(),
        json::parse(R"([{"name":"b","inconsistent":true}])"));
  CHECK_FALSE(judge(step_of("show dirty d b"), bits, none));
  judge(step_of("show bitmaps d"), json::array(), json::parse(R"([{"name":"b"}])"));
  CHECK(judge(step_of("show dirty d b"), bits, none));
}
