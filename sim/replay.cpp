// SPDX-License-Identifier: MIT
#include "sim/replay.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <ostream>
#include <set>
#include <thread>

#include "sim/casting.h"
#include "sim/golden.h"
#include "sim/interrupt.h"
#include "sim/junit.h"
#include "sim/report.h"
#include "sim/sightings.h"
#include "sim/summary.h"
#include "sim/text_file.h"
#include "sim/workspace.h"

namespace sim {

namespace {

/// Runs scenarios on some threads; results are taken in the order of the scenarios.
class Pool {
 public:
  Pool(const std::vector<Scenario>& scenarios, const Cast& cast, Workspace* workspace,
       unsigned jobs)
      : scenarios_(scenarios), cast_(cast), workspace_(workspace), results_(scenarios.size()) {
    const std::size_t threads = std::min<std::size_t>(jobs, scenarios.size());
    if (threads <= 1) return;  // the taker does the work
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~Pool() {
    {
      const std::lock_guard lock(mutex_);
      next_ = scenarios_.size();
    }
    for (std::thread& thread : threads_) thread.join();
  }

  /// The result of scenario `index`, once it is there; nothing if something ended the run before.
  std::optional<ScenarioResult> take(std::size_t index) {
    if (threads_.empty()) return run(index);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return results_[index].done; });
    return std::move(results_[index].result);
  }
  /// What ended the run: an interrupt, a subject that cannot go on. Null: nothing.
  std::exception_ptr end() {
    const std::lock_guard lock(mutex_);
    return end_;
  }

 private:
  struct Slot {
    bool done = false;
    std::optional<ScenarioResult> result;
  };

  std::optional<ScenarioResult> run(std::size_t index) {
    if (end()) return std::nullopt;
    try {
      InterruptGuard::check();
      const auto start = std::chrono::steady_clock::now();
      ScenarioResult result = run_scenario(scenarios_[index], cast_, workspace_);
      result.took = std::chrono::steady_clock::now() - start;
      return result;
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!end_) end_ = std::current_exception();
      return std::nullopt;
    }
  }

  void work() {
    while (true) {
      std::size_t index;
      {
        const std::lock_guard lock(mutex_);
        if (next_ >= scenarios_.size()) return;
        index = next_++;
      }
      std::optional<ScenarioResult> result = run(index);
      const std::lock_guard lock(mutex_);
      results_[index] = {true, std::move(result)};
      done_.notify_all();
    }
  }

  const std::vector<Scenario>& scenarios_;
  const Cast& cast_;
  Workspace* workspace_;
  std::vector<Slot> results_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t next_ = 0;
  std::exception_ptr end_;
  std::vector<std::thread> threads_;
};

/// What is known of a scenario's run is printed, and its golden looked at.
GoldenState report(const Scenario& scenario, const ScenarioResult& result,
                   const ReplayOptions& options, std::ostream& out) {
  if (options.verbose) out << result.transcript.text();
  for (const TestcaseResult& testcase : result.testcases) {
    for (const Departure& each : testcase.departures) {
      out << departure_text(scenario, testcase.title, each) << "\n";
    }
    if (testcase.difference) {
      out << difference_text(scenario, testcase.title, *testcase.difference) << "\n";
    }
    if (options.strict && scenario.unjudged.empty() && !testcase.not_judged.empty()) {
      out << unjudged_text(scenario, testcase.title, testcase.not_judged) << "\n";
    }
  }
  out << mistakes_text(scenario, result);
  // A transcript that broke off in a difference says nothing about the golden.
  if (scenario.golden.empty() || !result.agreed()) return GoldenState::none;
  if (options.bless) {
    if (result.has_mistakes()) {
      out << scenario.golden << ": is not blessed, for a step does not do what its story wants\n\n";
      return GoldenState::none;
    }
    return bless(scenario.golden, result.transcript.text()) ? GoldenState::blessed
                                                            : GoldenState::same;
  }
  const std::optional<std::string> golden = read_golden(scenario.golden);
  if (!golden) {
    out << scenario.golden << ": is missing (replay --bless writes it)\n\n";
    return GoldenState::missing;
  }
  const auto difference =
      golden_difference(scenario, result.transcript, *golden, options.cast.subjects);
  if (!difference) return GoldenState::same;
  out << *difference << "\n";
  return GoldenState::differs;
}

/// Null if the cast needs no files.
std::unique_ptr<Workspace> make_workspace(const Cast& cast, const std::string& directory) {
  return cast.needs_files() ? std::make_unique<Workspace>(directory) : nullptr;
}

/// Runs them all, and prints as it goes. Answers what ended the run early, or null.
std::exception_ptr run_all(const std::vector<Scenario>& scenarios, const ReplayOptions& options,
                           Workspace* workspace, Summary& summary, LedgerReport& ledger,
                           JUnitReport& junit, std::ostream& out, std::ostream* progress) {
  const unsigned jobs = options.cast.one_at_a_time() ? 1 : options.jobs;
  Pool pool(scenarios, options.cast, workspace, jobs);
  std::set<std::string> left_out;
  for (std::size_t i = 0; i < scenarios.size(); ++i) {
    if (progress != nullptr) {
      *progress << "\r\033[K[" << i + 1 << "/" << scenarios.size() << "] " << scenarios[i].name
                << std::flush;
    }
    const std::optional<ScenarioResult> result = pool.take(i);
    if (progress != nullptr) *progress << "\r\033[K" << std::flush;
    if (!result) continue;
    for (const TestcaseResult& testcase : result->testcases) {
      for (const std::string& name : testcase.absent) {
        if (left_out.insert(name).second) out << absence_text(scenarios[i], testcase.title, name);
      }
    }
    out << ledger.add(scenarios[i], *result);
    const GoldenState golden = report(scenarios[i], *result, options, out);
    summary.add(scenarios[i], *result, golden);
    junit.add(scenarios[i], *result, golden);
  }
  return pool.end();
}

/// Which QEMU plays a subject, and what makes its images.
std::string who_is(const std::string& name, const QemuIdentity& qemu, const Cast& cast) {
  const QmpProgram program = name == "qemu" ? cast.qemu_program() : cast.programs.at(name);
  return name + " is " + qemu.text() + "\nits images are made by " +
         identify_qemu_img(program.qemu_img(), cast.limit) + "\n";
}

}  // namespace

int replay(ReplayOptions options, std::ostream& out, std::ostream* progress) {
  const Project project = find_project();
  std::vector<Scenario> scenarios;
  for (const std::string& path : find_scenarios(options.paths, project)) {
    scenarios.push_back(load_scenario(path, project));
  }
  const InterruptGuard guard;
  const DirectoryLock lock(options.directory);
  const std::unique_ptr<Workspace> workspace = make_workspace(options.cast, options.directory);
  std::map<std::string, std::string> names;
  const auto met = meet_qemus(options.cast, project);
  for (const auto& [name, qemu] : met) {
    names[name] = name + " " + to_string(qemu.version);
    out << who_is(name, qemu, options.cast) << std::flush;
  }
  if (met.empty() && options.usual_subjects) {
    out << "no qemu-system-* was found on PATH (--qemu names one): model and engine only\n";
  }
  Summary summary(options.cast.subjects);
  LedgerReport ledger(options.cast.known, std::move(names));
  JUnitReport junit(options.strict);
  if (!options.junit.empty()) write_text(options.junit, junit.text());
  const std::exception_ptr end =
      run_all(scenarios, options, workspace.get(), summary, ledger, junit, out, progress);
  if (!options.junit.empty()) write_text(options.junit, junit.text());
  if (!end || !summary.empty()) {
    out << summary.text(ledger.seen(), scenarios.size()) << ledger.text();
  }
  if (end) std::rethrow_exception(end);
  return summary.fails(options.strict, options.bless) ? 1 : 0;
}

int transcribe(const std::string& path, Cast cast, const std::string& directory, std::ostream& out,
               std::ostream& errors) {
  const Project project = find_project();
  const Scenario scenario = load_scenario(path, project);
  const InterruptGuard guard;
  meet_qemus(cast, project);
  const DirectoryLock lock(directory);
  const std::unique_ptr<Workspace> workspace = make_workspace(cast, directory);
  const ScenarioResult result =
      run_scenario(scenario, cast, workspace.get(), Transcribed::answered);
  out << result.transcript.text();
  for (const TestcaseResult& testcase : result.testcases) {
    for (const Sighting& each : testcase.sightings) {
      errors << sighting_text(scenario, testcase.title, each);
    }
    for (const Departure& each : testcase.departures) {
      errors << departure_text(scenario, testcase.title, each);
    }
    if (testcase.difference) {
      errors << difference_text(scenario, testcase.title, *testcase.difference);
    }
  }
  errors << mistakes_text(scenario, result);
  return !result.agreed() || result.broken_words() > 0 ? 1 : 0;
}

}  // namespace sim
