// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "sim/runner.h"
#include "sim/summary.h"

namespace sim {

/// What a replay found, as the XML that CI systems read (the JUnit form of Jenkins and GitLab): a
/// suite for each scenario, a testcase for each of its testcases and one for its golden. A
/// difference is a failure; who left, and a known divergence, is told as output.
class JUnitReport {
 public:
  /// `strict`: what was not judged, or is refused, in a scenario that does not say so is a failure.
  explicit JUnitReport(bool strict) : strict_(strict) {}

  void add(const Scenario& scenario, const ScenarioResult& result, GoldenState golden);
  /// All that was added, as a document.
  std::string text() const;

 private:
  bool strict_;
  std::string suites_;
  std::size_t tests_ = 0;
  std::size_t failures_ = 0;
  std::chrono::duration<double> time_{0};
};

}  // namespace sim
