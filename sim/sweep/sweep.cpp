// SPDX-License-Identifier: MIT
#include "sim/sweep/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "sim/fuzz/forked.h"
#include "sim/interrupt.h"
#include "sim/sweep/image_check.h"
#include "sim/sweep/tasks.h"
#include "sim/sweep/testcase_sweep.h"

namespace sim::sweep {

using fuzz::Forked;
using fuzz::Tell;
using nlohmann::json;

namespace {

json to_json(const CrashPoint& point) {
  json value{{"step", point.step},          {"how", static_cast<int>(point.how)},
             {"keep", point.kept.option()}, {"operation", point.operation},
             {"of-run", point.of_run},      {"lost", point.lost}};
  if (point.cut) value["cut"] = point.cut->operation;
  return value;
}

CrashPoint point_of(const json& value) {
  CrashPoint point;
  point.step = value["step"];
  point.how = static_cast<Stop>(value["how"].get<int>());
  const std::string option = value["keep"];
  point.kept = Kept::parse(option.substr(option.find('=') + 1)).value_or(Kept());
  point.operation = value["operation"];
  point.of_run = value["of-run"];
  point.lost = value["lost"].get<std::vector<std::string>>();
  if (value.contains("cut")) point.cut = Cut{point.how, value["cut"], point.kept};
  return point;
}

/// A copy of ourselves that sweeps a testcase.
class Worker {
 public:
  Worker(const Task& task, const Options& options)
      : task_(task), process_([&](const Tell& tell) { work(task, options, tell); }) {}

  /// Nothing if we are interrupted before.
  std::optional<Sweep> result() {
    json last;
    while (process_.await()) {
      std::vector<json> more = process_.listen();
      if (more.empty()) break;
      last = std::move(more.back());
    }
    if (InterruptGuard::came()) return std::nullopt;
    if (last.contains("findings")) return sweep_of(last);
    return died(last, process_.bad_end().value_or("ended without a word"));
  }

 private:
  static void work(const Task& task, const Options& options, const Tell& tell) {
    const Scenario& scenario = *task.scenario;
    std::optional<QemuImgInspector> qemu_img;
    if (options.qemu_img > 0) qemu_img.emplace(options.qemu_img);
    TestcaseSweep sweep(scenario, scenario.testcases[task.testcase], options.depth,
                        qemu_img ? &*qemu_img : nullptr,
                        [&](const CrashPoint& p) { tell(to_json(p)); });
    tell(sweep::to_json(sweep.run()));
  }

  /// The engine that looked at a state took us with it.
  Sweep died(const json& last, const std::string& how) const {
    const Scenario& scenario = *task_.scenario;
    const Scenario::Testcase testcase = with_end(scenario.testcases[task_.testcase]);
    Sweep result;
    result.failures = 1;
    if (last.is_null()) {
      result.findings.push_back(
          {Verdict::engine_died,
           fmt::format("{}: testcase \"{}\": the engine {}\n", scenario.path, testcase.title, how),
           {}});
      return result;
    }
    result.findings.push_back(finding_at(scenario, testcase, point_of(last), Verdict::engine_died,
                                         {}, "  the engine " + how + "\n"));
    return result;
  }

  Task task_;
  Forked process_;
};

/// What the testcases of a scenario came to.
struct Row {
  std::string name;
  std::size_t testcases = 0;
  Sweep sum;
};

void add(Sweep& sum, const Sweep& sweep) {
  sum.steps += sweep.steps;
  sum.operations += sweep.operations;
  sum.kills += sweep.kills;
  sum.power_cuts += sweep.power_cuts;
  sum.unread += sweep.unread;
  sum.inspected += sweep.inspected;
  sum.failures += sweep.failures;
}

std::string row_text(const Row& row, std::size_t width) {
  return fmt::format("{:<{}}  {:>9}  {:>6}  {:>10}  {:>7}  {:>10}  {:>6}\n", row.name, width,
                     row.testcases, row.sum.steps, row.sum.operations, row.sum.kills,
                     row.sum.power_cuts, row.sum.failures);
}

std::string table(const std::vector<Row>& rows) {
  std::size_t width = 8;
  Row all{"all", 0, {}};
  for (const Row& row : rows) width = std::max(width, row.name.size());
  std::string text =
      fmt::format("{:<{}}  {:>9}  {:>6}  {:>10}  {:>7}  {:>10}  {:>6}\n", "scenario", width,
                  "testcases", "steps", "operations", "kills", "power cuts", "wrong");
  for (const Row& row : rows) {
    text += row_text(row, width);
    all.testcases += row.testcases;
    add(all.sum, row.sum);
  }
  if (rows.size() > 1) text += row_text(all, width);
  text += fmt::format("{} crash states, {} wrong\n", all.sum.kills + all.sum.power_cuts,
                      all.sum.failures);
  if (all.sum.inspected > 0) text += fmt::format("qemu-img checked {} images\n", all.sum.inspected);
  if (all.sum.unread > 0) {
    text += fmt::format("disks longer than {} MiB were not read, {} times\n",
                        Looks::most_data >> 20, all.sum.unread);
  }
  return text;
}

}  // namespace

int carry_out(const Options& options, std::ostream& out, std::ostream* progress) {
  const std::vector<Scenario> scenarios = load_all(options.paths);
  std::vector<Row> rows;
  Teller teller(options.out, out);
  const std::vector<Task> tasks = tasks_of(scenarios);
  const auto start = [&](const Task& task) { return std::make_unique<Worker>(task, options); };
  const InterruptGuard guard;
  run_all(tasks, options.jobs, progress, start, [&](const Task& task, const Sweep& sweep) {
    const Scenario& scenario = *task.scenario;
    if (task.testcase == 0) rows.push_back({scenario.name, 0, {}});
    ++rows.back().testcases;
    add(rows.back().sum, sweep);
    teller.tell(task, sweep.findings, progress);
  });
  out << table(rows) << interrupted_text() << std::flush;
  const bool clean =
      std::all_of(rows.begin(), rows.end(), [](const Row& row) { return row.sum.failures == 0; });
  return !clean ? 1 : InterruptGuard::came() ? InterruptGuard::status() : 0;
}

}  // namespace sim::sweep
