// SPDX-License-Identifier: MIT
#include "sim/mutants/recall.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <ostream>
#include <set>
#include <thread>

#include "sim/child.h"
#include "sim/interrupt.h"
#include "sim/usage_error.h"

namespace sim::mutants {

namespace {

/// One build at a time in a directory, as the start script has it.
void build(const Options& options, const std::vector<Mutant>& mutants, std::ostream& progress) {
  std::vector<std::string> words{
      "flock", options.build + "/.lock",     "cmake",   "--build", options.build,
      "-j",    std::to_string(options.jobs), "--target"};
  for (const Mutant& mutant : mutants) words.push_back("mutant_" + mutant.name);
  progress << fmt::format("building {} mutants\n", mutants.size()) << std::flush;
  Child compilers(words, {STDERR_FILENO, STDERR_FILENO});
  while (!compilers.wait(std::chrono::seconds(1))) InterruptGuard::check();
  if (compilers.status() != 0) throw UsageError("the mutants could not be built");
}

/// Calls work(i) for each i below `count`, on `jobs` threads. An exception of one ends all.
void for_each_index(std::size_t count, unsigned jobs,
                    const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr error;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < jobs; ++i) {
    threads.emplace_back([&] {
      for (std::size_t index; (index = next++) < count;) {
        try {
          work(index);
        } catch (...) {
          const std::lock_guard lock(mutex);
          if (!error) error = std::current_exception();
          next = count;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (error) std::rethrow_exception(error);
}

/// The kinds of search that `mutants` name, as mutants of no fault.
std::vector<Caught> controls_for(const std::vector<Caught>& mutants) {
  std::set<Search> searches;
  for (const Caught& each : mutants) searches.insert(each.mutant.search);
  std::vector<Caught> controls;
  for (const Search& search : searches) {
    controls.push_back({{to_string(search), "No fault at all.", search}, {}});
  }
  return controls;
}

/// Searches them all, each in the program that `program_of` names.
void search(std::vector<Caught>& list, const Options& options, std::ostream& progress,
            const std::function<std::string(const Mutant&)>& program_of) {
  std::mutex mutex;
  for_each_index(list.size(), options.jobs, [&](std::size_t index) {
    Caught& each = list[index];
    each.result = hunt_down(each.mutant, program_of(each.mutant), options.hunt);
    const std::lock_guard lock(mutex);
    progress << fmt::format("{}: {} after {:.1f} s\n", each.mutant.name,
                            each.result.finding ? "found" : "nothing", each.result.seconds)
             << std::flush;
  });
}

}  // namespace

bool well_found(const Result& result) {
  return result.finding && result.finding->length <= most_steps && result.finding->replayed &&
         result.finding->fault_alone;
}

bool Recall::complete() const {
  const auto found = [](const Caught& each) { return well_found(each.result); };
  const auto clean = [](const Caught& each) { return !each.result.finding; };
  return std::ranges::all_of(mutants, found) && std::ranges::all_of(controls, clean);
}

Recall measure(const Options& options, std::ostream& progress) {
  const InterruptGuard guard;
  const std::vector<Mutant> mutants =
      read_mutants(options.hunt.root + "/tests/mutants", options.names, options.usual);
  build(options, mutants, progress);
  Recall recall;
  for (const Mutant& mutant : mutants) recall.mutants.push_back({mutant, {}});
  search(recall.mutants, options, progress, [&](const Mutant& mutant) {
    return options.build + "/tests/mutants/mutant_" + mutant.name;
  });
  recall.controls = controls_for(recall.mutants);
  search(recall.controls, options, progress, [&](const Mutant&) { return options.hunt.program; });
  return recall;
}

}  // namespace sim::mutants
