// SPDX-License-Identifier: MIT
#include "sim/sweep/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>

#include "sim/fuzz/forked.h"
#include "sim/interrupt.h"
#include "sim/out_directory.h"
#include "sim/sweep/image_check.h"
#include "sim/sweep/testcase_sweep.h"
#include "sim/usage_error.h"

namespace sim::sweep {

namespace fs = std::filesystem;
using fuzz::Forked;
using fuzz::Tell;
using nlohmann::json;

namespace {

/// One testcase of one scenario.
struct Task {
  const Scenario* scenario;
  std::size_t testcase;
};

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

  Sweep result() {
    json told, last;
    for (std::vector<json> more = process_.listen(); !more.empty(); more = process_.listen()) {
      last = std::move(more.back());
    }
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

std::string file_name(const Scenario& scenario, const std::string& title, Verdict verdict) {
  std::string name = scenario.name + "-" + title + "-" + to_string(verdict);
  for (char& c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
    if (!plain) c = '-';
  }
  return name + ".scenario";
}

/// Prints findings, and writes their scenarios.
class Teller {
 public:
  Teller(const Options& options, std::ostream& out) : options_(options), out_(out) {}

  void tell(const Scenario& scenario, const std::string& title, const Sweep& sweep) {
    for (const Finding& finding : sweep.findings) {
      out_ << finding.report;
      if (!options_.out.empty() && !finding.story.empty()) {
        const fs::path place = fs::path(options_.out) / file_name(scenario, title, finding.verdict);
        write(place, finding.story);
        out_ << "  written to " << place.string() << "\n";
      }
      out_ << "\n";
    }
    out_ << std::flush;
  }

 private:
  static void write(const fs::path& place, const std::string& text) {
    fs::create_directories(place.parent_path());
    std::ofstream file(place, std::ios::binary);
    file << text << std::flush;
    if (!file) throw UsageError(place.string() + ": cannot be written");
  }

  const Options& options_;
  std::ostream& out_;
};

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

std::vector<Task> tasks_of(const std::vector<Scenario>& scenarios) {
  std::vector<Task> tasks;
  for (const Scenario& scenario : scenarios) {
    for (std::size_t i = 0; i < scenario.testcases.size(); ++i) tasks.push_back({&scenario, i});
  }
  return tasks;
}

/// Runs all tasks, some at once; use(task, sweep) is called in their order.
template <class Use>
void run_all(const std::vector<Task>& tasks, const Options& options, const Use& use) {
  std::deque<Worker> workers;
  std::size_t next = 0;
  for (const Task& task : tasks) {
    while (next < tasks.size() && workers.size() < options.jobs) {
      workers.emplace_back(tasks[next++], options);
    }
    InterruptGuard::check();
    use(task, workers.front().result());
    workers.pop_front();
  }
}

}  // namespace

int carry_out(const Options& options, std::ostream& out, std::ostream* progress) {
  const Project project = find_project();
  std::vector<Scenario> scenarios;
  for (const std::string& path : find_scenarios(options.paths, project)) {
    scenarios.push_back(load_scenario(path, project));
  }
  if (!options.out.empty()) check_out_directory(options.out);
  std::vector<Row> rows;
  Teller teller(options, out);
  const std::vector<Task> tasks = tasks_of(scenarios);
  std::size_t done = 0;
  run_all(tasks, options, [&](const Task& task, const Sweep& sweep) {
    const Scenario& scenario = *task.scenario;
    if (progress != nullptr) {
      *progress << fmt::format("\r\033[K[{}/{}] {}", ++done, tasks.size(), scenario.name)
                << std::flush;
    }
    if (task.testcase == 0) rows.push_back({scenario.name, 0, {}});
    ++rows.back().testcases;
    add(rows.back().sum, sweep);
    if (progress != nullptr && !sweep.findings.empty()) *progress << "\r\033[K" << std::flush;
    teller.tell(scenario, scenario.testcases[task.testcase].title, sweep);
  });
  if (progress != nullptr) *progress << "\r\033[K" << std::flush;
  out << table(rows) << std::flush;
  const bool clean =
      std::all_of(rows.begin(), rows.end(), [](const Row& row) { return row.sum.failures == 0; });
  return clean ? 0 : 1;
}

}  // namespace sim::sweep
