// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "sim/observe.h"
#include "sim/script/expand.h"
#include "sim/sweep/testcase_sweep.h"
#include "tests/catch.h"
#include "tests/sim/scenario_of.h"

using namespace sim::sweep;

using tests::scenario_of;

namespace {

constexpr const char* story_of_a_restart =
    "create TEST_DIR/PID-f 256K\n"
    "drive drive0 TEST_DIR/PID-f\n"
    "block-dirty-bitmap-add node=drive0 name=b persistent=true granularity=512\n"
    "io drive0 write -P 1 0 4K\n"
    "unplug drive0\n"
    "drive drive0 TEST_DIR/PID-f\n"
    "io drive0 write -P 2 64K 64K\n"
    "io drive0 flush\n";

/// Complains of one state.
struct Complainer : Inspector {
  std::string complaint(const sim::DiskFiles&) override {
    return ++states == 20 ? "  it looks odd\n" : "";
  }
  std::uint64_t checked() const override { return states; }
  std::uint64_t states = 0;
};

Sweep sweep(const Depth& depth, Inspector* inspector = nullptr) {
  const sim::Scenario scenario = scenario_of(story_of_a_restart);
  TestcaseSweep sweep(scenario, scenario.testcases[0], depth, inspector, [](const auto&) {});
  return sweep.run();
}

struct NoWatcher : sim::DiskWatcher {
  bool about_to(const sim::DiskOperation&) override { return true; }
};

/// Does the steps up to line `end` on a model and an engine.
struct Progress {
  void go_to(std::size_t end) {
    for (; done < end; ++done) {
      observe(*model, scenario.testcases[0].steps[done]);
      observe(*engine.subject, scenario.testcases[0].steps[done]);
    }
  }
  Looks looks_after_kill() const {
    auto crashed = sim::copy_of_model(*model);
    crashed->stop(sim::Stop::kill);
    return {{{"TEST_DIR/PID-f", "qcow2"}}, "", *crashed};
  }

  sim::Scenario scenario = scenario_of(story_of_a_restart);
  NoWatcher watcher;
  std::unique_ptr<sim::Subject> model = sim::make_model_subject();
  sim::WatchedEngine engine = sim::make_watched_engine(watcher);
  std::size_t done = 0;
};

std::optional<Verdict> verdict_of(const Looks& looks, const sim::DiskFiles& files) {
  const auto fault = looks.find_fault(*sim::make_engine_subject_on(files));
  return fault ? std::optional(verdict_on(fault->difference)) : std::nullopt;
}

}  // namespace

TEST_CASE("a sweep crashes at every change and after every step, and finds nothing") {
  const Sweep result = sweep({});
  for (const Finding& each : result.findings) WARN(each.report);
  CHECK(result.findings.empty());
  CHECK(result.failures == 0);
  CHECK(result.steps == 9);
  CHECK(result.operations > 40);
  CHECK(result.kills > 20);
  CHECK(result.power_cuts > 20);
}

TEST_CASE("a sweep is the same each time, and its samples depend on the seed alone") {
  const Depth few{2, 3, 7};
  CHECK(to_json(sweep(few)) == to_json(sweep(few)));
  CHECK(to_json(sweep_of(to_json(sweep(few)))) == to_json(sweep(few)));
}

TEST_CASE("a finding tells where it crashed, and its scenario does so again") {
  Complainer complainer;
  const Sweep result = sweep({}, &complainer);
  CHECK(result.inspected == result.kills + result.power_cuts);
  REQUIRE(result.findings.size() == 1);
  const Finding& finding = result.findings.front();
  INFO(finding.report << finding.story);
  CHECK(finding.verdict == Verdict::corruption);
  CHECK(finding.report.starts_with("story:"));
  CHECK(finding.report.ends_with("  it looks odd\n"));
  const auto script = sim::script::parse(finding.story, "finding");
  const auto steps = sim::script::steps(script, sim::script::runs(script, "finding").front());
  const sim::Step& last = steps.back();
  CHECK((last.cut || std::holds_alternative<sim::StopStep>(last.action)));
}

TEST_CASE("a state that a crash cannot have left is seen for what it is") {
  Progress progress;
  progress.go_to(5);
  const Looks stored = progress.looks_after_kill();
  const sim::DiskFiles with_bitmap = progress.engine.disk->files();
  CHECK_FALSE(verdict_of(stored, with_bitmap));
  progress.go_to(8);
  const Looks in_use = progress.looks_after_kill();
  CHECK_FALSE(verdict_of(in_use, progress.engine.disk->files()));

  // Valid again before anything was stored; then the flushed data is missing, too.
  CHECK(verdict_of(in_use, with_bitmap) == Verdict::different);
  observe(*progress.model, with_end(progress.scenario.testcases[0]).steps.back());
  const Looks stored_again = progress.looks_after_kill();
  CHECK(verdict_of(stored_again, with_bitmap) == Verdict::under_dirty);

  sim::DiskFiles broken = with_bitmap;
  const std::vector<std::byte> nothing(512);
  broken.begin()->second.write(0, nothing);
  CHECK(verdict_of(stored, broken) == Verdict::unreadable);
  sim::DiskFiles uncounted = with_bitmap;
  const std::vector<std::byte> zeros(65536);
  uncounted.begin()->second.write(2 * 65536, zeros);
  CHECK(verdict_of(stored, uncounted) == Verdict::corruption);
}
