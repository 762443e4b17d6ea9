// SPDX-License-Identifier: MIT
#pragma once

#include <set>
#include <string>
#include <vector>

#include "sim/runner.h"

namespace sim {

/// How a scenario's transcript stands to its golden.
enum class GoldenState { none, same, differs, missing, blessed };

/// The table at the end of a replay: a row for each scenario with how many of its testcases passed
/// on each subject, and a row for each testcase that its script names. A testcase in which a known
/// fault was seen is "known ID".
class Summary {
 public:
  explicit Summary(std::vector<std::string> subjects) : subjects_(std::move(subjects)) {}

  void add(const Scenario& scenario, const ScenarioResult& result, GoldenState golden);
  /// `known`: ids of the known faults that were seen.
  std::string text(const std::set<std::string>& known = {}) const;
  bool all_agree() const { return differing_ == 0; }

 private:
  struct Row {
    std::string name;
    std::vector<std::string> cells;  ///< one for each subject, and one for the golden
  };

  std::string outcome(const std::set<std::string>& known) const;

  std::vector<std::string> subjects_;
  std::vector<Row> rows_;
  std::size_t scenarios_ = 0;
  std::size_t testcases_ = 0;
  std::size_t differing_ = 0;  ///< scenarios
};

}  // namespace sim
