// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/scenario.h"
#include "sim/subjects.h"
#include "sim/sweep/finding.h"
#include "sim/sweep/looks.h"
#include "sim/sweep/power_cuts.h"

namespace sim::sweep {

/// The testcase with the end that every run has: the process quits.
Scenario::Testcase with_end(const Scenario::Testcase& testcase);

/// Somebody else who looks at what a crash left.
class Inspector {
 public:
  virtual ~Inspector() = default;
  /// What is wrong with it, in whole lines; empty: nothing.
  virtual std::string complaint(const DiskFiles& files) = 0;
  /// How many images were looked at.
  virtual std::uint64_t checked() const = 0;
};

/// Runs a testcase on model and engine and has the machine crash, in thought, before every storage
/// operation that changes something and after every step: killed, and with its power cut. Each
/// state that this may leave is opened by a new engine and measured by the model's state before or
/// after the step that was cut short.
class TestcaseSweep : private DiskWatcher {
 public:
  /// Is told before a state is looked at, in case the engine does not survive that.
  using Announce = std::function<void(const CrashPoint&)>;

  /// All must outlive this; `inspector` may be null.
  TestcaseSweep(const Scenario& scenario, const Scenario::Testcase& testcase, const Depth& depth,
                Inspector* inspector, Announce announce);

  Sweep run();

 private:
  void run_steps();
  bool about_to(const DiskOperation& operation) override;

  /// Whether model and engine agree in the step itself.
  bool do_step(const Step& step);
  void try_states(const Looks& looks, CrashPoint point, std::optional<std::size_t> newest);
  void try_state(const Looks& looks, const CrashPoint& point, DiskFiles files);
  const Looks& during();
  Looks after() const;
  void repair(Subject& model) const;
  std::optional<std::size_t> newest() const;
  void add(Finding finding);

  const Scenario& scenario_;
  Scenario::Testcase testcase_;
  const Depth& depth_;
  Inspector* inspector_;
  Announce announce_;

  std::unique_ptr<Subject> model_ = make_model_subject();
  WatchedEngine engine_ = make_watched_engine(*this);
  MadeImages images_;
  std::size_t steps_ = 0;            ///< done, the one under way not counted
  std::unique_ptr<Subject> before_;  ///< the model before the step under way
  std::optional<Looks> during_;      ///< what may be seen after a crash in it
  unsigned operations_ = 0;          ///< of the step under way
  std::string changed_;              ///< the file that changed since states were tried; empty: none
  Sweep result_;
};

}  // namespace sim::sweep
