// SPDX-License-Identifier: MIT
#include "sim/sweep/faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "sim/fuzz/forked.h"
#include "sim/interrupt.h"
#include "sim/sweep/fault_sweep.h"
#include "sim/sweep/tasks.h"

namespace sim::sweep {

using fuzz::Forked;
using fuzz::Tell;
using nlohmann::json;

namespace {

/// An engine that dies at more points than these is not tried further.
constexpr unsigned most_deaths = 10;

/// Copies of ourselves that sweep a testcase, each from where the one before died.
class FaultWorker {
 public:
  explicit FaultWorker(const Task& task) : task_(task), process_(from(0)) {}

  /// Nothing if we are interrupted before.
  std::optional<FaultFigures> result() {
    FaultFigures sum;
    for (unsigned deaths = 0;; ++deaths) {
      json last;
      while (process_.await()) {
        std::vector<json> more = process_.listen();
        if (more.empty()) break;
        last = std::move(more.back());
      }
      if (InterruptGuard::came()) return std::nullopt;
      if (last.contains("index")) {
        add(sum, fault_figures_of(last["figures"]));
      } else if (!last.is_null()) {
        add(sum, fault_figures_of(last));
        return sum;
      }
      died(sum, last, process_.bad_end().value_or("ended without a word"));
      if (last.is_null() || deaths == most_deaths) return sum;
      process_ = from(last["index"].get<std::uint64_t>() + 1);
    }
  }

  static void add(FaultFigures& sum, const FaultFigures& more) {
    sum.operations = std::max(sum.operations, more.operations);
    sum.faults += more.faults;
    sum.silent += more.silent;
    sum.lost += more.lost;
    sum.failures += more.failures;
    sum.left_out |= more.left_out;
    for (const Finding& each : more.findings) {
      const bool known = std::ranges::any_of(
          sum.findings, [&](const Finding& other) { return other.verdict == each.verdict; });
      if (!known) sum.findings.push_back(each);
    }
  }

 private:
  Forked from(std::uint64_t first) const {
    return Forked([this, first](const Tell& tell) {
      const Scenario::Testcase& testcase = task_.scenario->testcases[task_.testcase];
      const auto announce = [&](const FaultPoint& point, const FaultFigures& figures) {
        tell({{"index", point.index},
              {"step", point.step},
              {"operation", point.mishap.operation},
              {"error", point.mishap.error},
              {"figures", to_json(figures)}});
      };
      tell(to_json(FaultSweep(*task_.scenario, testcase, first, announce).run()));
    });
  }

  /// The engine took the process with it.
  void died(FaultFigures& sum, const json& last, const std::string& how) const {
    const Scenario& scenario = *task_.scenario;
    FaultFigures death;
    death.failures = 1;
    if (last.is_null()) {
      death.findings.push_back(
          {Verdict::engine_died,
           fmt::format("{}: testcase \"{}\": the engine {}\n", scenario.path, task_.title(), how),
           {}});
      return add(sum, death);
    }
    death.faults = 1;
    const FaultPoint point{last["index"], last["step"], {last["operation"], last["error"]}};
    const Scenario::Testcase& testcase = scenario.testcases[task_.testcase];
    std::vector<std::string> rest;
    for (std::size_t i = point.step + 1; i < testcase.steps.size(); ++i) {
      rest.push_back(script::escaped(testcase.steps[i].text));
    }
    death.findings.push_back(finding_at(scenario, testcase, point, Verdict::engine_died, {}, rest,
                                        "  the engine " + how + "\n"));
    add(sum, death);
  }

  Task task_;
  Forked process_;
};

/// What the testcases of a scenario came to.
struct FaultRow {
  std::string name;
  std::size_t testcases = 0, left_out = 0;
  FaultFigures sum;
};

void add(FaultRow& row, const FaultFigures& figures) {
  ++row.testcases;
  row.left_out += figures.left_out ? 1 : 0;
  row.sum.operations += figures.operations;
  row.sum.faults += figures.faults;
  row.sum.silent += figures.silent;
  row.sum.lost += figures.lost;
  row.sum.failures += figures.failures;
}

std::string fault_row_text(const FaultRow& row, std::size_t width) {
  return fmt::format("{:<{}}  {:>9}  {:>10}  {:>7}  {:>7}  {:>10}  {:>6}\n", row.name, width,
                     row.testcases, row.sum.operations, row.sum.faults, row.sum.silent,
                     row.sum.lost, row.sum.failures);
}

std::string fault_table(const std::vector<FaultRow>& rows) {
  std::size_t width = 8;
  for (const FaultRow& row : rows) width = std::max(width, row.name.size());
  std::string text =
      fmt::format("{:<{}}  {:>9}  {:>10}  {:>7}  {:>7}  {:>10}  {:>6}\n", "scenario", width,
                  "testcases", "operations", "faults", "unheard", "not judged", "wrong");
  FaultRow all{"all", 0, 0, {}};
  for (const FaultRow& row : rows) {
    text += fault_row_text(row, width);
    const std::size_t testcases = all.testcases + row.testcases;
    add(all, row.sum);
    all.testcases = testcases;
    all.left_out += row.left_out;
  }
  if (rows.size() > 1) text += fault_row_text(all, width);
  text += fmt::format("{} operations failed, {} wrong; bits and bytes judged after {} of them\n",
                      all.sum.faults, all.sum.failures, all.sum.faults - all.sum.lost);
  if (all.left_out > 0) {
    text +=
        fmt::format("{} testcases that let storage fail themselves were left out\n", all.left_out);
  }
  return text;
}

}  // namespace

int carry_out_faults(const Options& options, std::ostream& out, std::ostream* progress) {
  const std::vector<Scenario> scenarios = load_all(options.paths);
  std::vector<FaultRow> rows;
  Teller teller(options.out, out);
  const auto start = [](const Task& task) { return std::make_unique<FaultWorker>(task); };
  const InterruptGuard guard;
  run_all(tasks_of(scenarios), options.jobs, progress, start,
          [&](const Task& task, const FaultFigures& figures) {
            if (task.testcase == 0) rows.push_back({task.scenario->name, 0, 0, {}});
            add(rows.back(), figures);
            teller.tell(task, figures.findings, progress);
          });
  out << fault_table(rows) << interrupted_text() << std::flush;
  const bool clean =
      std::ranges::all_of(rows, [](const FaultRow& row) { return row.sum.failures == 0; });
  return !clean ? 1 : InterruptGuard::came() ? InterruptGuard::status() : 0;
}

}  // namespace sim::sweep
