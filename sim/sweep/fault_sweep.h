// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/made_images.h"
#include "sim/scenario.h"
#include "sim/subjects.h"
#include "sim/sweep/finding.h"
#include "sim/sweep/follower.h"

namespace sim::sweep {

/// Where the storage of a testcase fails.
struct FaultPoint {
  std::uint64_t index = 0;  ///< among those of the testcase
  std::size_t step = 0;
  Mishap mishap;
};

/// What failing operations one by one showed.
struct FaultFigures {
  std::uint64_t operations = 0;        ///< of the testcase's storage
  std::uint64_t faults = 0;            ///< runs in which one of them failed
  std::uint64_t silent = 0;            ///< of these: the step was done all the same
  std::uint64_t lost = 0;              ///< of these: bits and bytes were not judged to the end
  std::uint64_t failures = 0;          ///< of these: something is wrong
  bool left_out = false;               ///< the testcase has faults of its own, and was not swept
  std::vector<Finding> findings = {};  ///< the first of each verdict
};
nlohmann::json to_json(const FaultFigures& figures);
FaultFigures fault_figures_of(const nlohmann::json& value);

/// Tells of something wrong after a fault; `lines` follow the step that met it.
Finding finding_at(const Scenario& scenario, const Scenario::Testcase& testcase,
                   const FaultPoint& point, Verdict verdict, const std::string& operation,
                   const std::vector<std::string>& lines, const std::string& what);

/// Runs a testcase on the engine once for each storage operation that it has, which fails in that
/// run (EIO; what changes the file also with ENOSPC). The same process goes on with the testcase,
/// is used some more, and closed; then everything is looked at by another one. A testcase in which
/// one operation fails already (`fail at N:`) is judged as it is; one with a `fail` is left out.
class FaultSweep {
 public:
  /// Is told before each run, in case the engine does not survive that, with the figures so far.
  using Announce = std::function<void(const FaultPoint&, const FaultFigures&)>;

  /// Does the points from index `first` on. All must outlive this.
  FaultSweep(const Scenario& scenario, const Scenario::Testcase& testcase, std::uint64_t first,
             Announce announce);

  /// How much processor time one run may take; more, and the process dies of SIGPROF.
  static constexpr std::chrono::seconds patience{20};

  FaultFigures run();

 private:
  /// One run with one fault.
  class Trial;

  void run_without_fault();
  void try_step(std::size_t step);
  /// Whether the operation that failed was one that changes a file.
  bool try_point(std::size_t step, Mishap mishap);
  void add(Finding finding);

  const Scenario& scenario_;
  const Scenario::Testcase& testcase_;
  std::uint64_t first_, next_ = 0;
  Announce announce_;
  std::vector<std::unique_ptr<Subject>> before_;  ///< the model before each step
  std::vector<MadeImages> images_;                ///< that there were
  std::vector<unsigned> operations_;              ///< of each step
  FaultFigures figures_;
};

}  // namespace sim::sweep
