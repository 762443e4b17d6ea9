// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <iosfwd>
#include <string>
#include <vector>

#include "sim/scenario.h"
#include "sim/sweep/finding.h"

/// What all sweeps share: testcases one by one, in processes of their own, and findings.
namespace sim::sweep {

/// One testcase of one scenario.
struct Task {
  const Scenario* scenario;
  std::size_t testcase;

  const std::string& title() const { return scenario->testcases[testcase].title; }
};

/// Reads scenarios, those of the project if there are no paths. Throws script::ScriptError.
std::vector<Scenario> load_all(const std::vector<std::string>& paths);
std::vector<Task> tasks_of(const std::vector<Scenario>& scenarios);

/// Prints findings, and writes their scenarios.
class Teller {
 public:
  /// Writes below the directory `place`; empty: nowhere. Throws UsageError if that cannot be.
  Teller(const std::string& place, std::ostream& out);

  void tell(const Task& task, const std::vector<Finding>& findings, std::ostream* progress);

 private:
  std::string place_;
  std::ostream& out_;
};

/// Says which task is at hand; null: says nothing.
void show_progress(std::ostream* progress, std::size_t done, const std::vector<Task>& tasks);
void clear_progress(std::ostream* progress);
/// "interrupted" as a line, or nothing.
std::string interrupted_text();

/// Runs all tasks, some at once: start(task) answers a pointer to a worker with a result(), which
/// is nothing after an interrupt, and ends this. use(task, result) is called in the order of the
/// tasks.
template <class Start, class Use>
void run_all(const std::vector<Task>& tasks, unsigned jobs, std::ostream* progress,
             const Start& start, const Use& use) {
  std::deque<decltype(start(tasks.front()))> workers;
  std::size_t next = 0, done = 0;
  for (const Task& task : tasks) {
    while (next < tasks.size() && workers.size() < jobs) workers.push_back(start(tasks[next++]));
    const auto result = workers.front()->result();
    if (!result) break;
    show_progress(progress, done++, tasks);
    use(task, *result);
    workers.pop_front();
  }
  clear_progress(progress);
}

}  // namespace sim::sweep
