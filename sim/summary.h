// SPDX-License-Identifier: MIT
#pragma once

#include <map>
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
  /// `known`: ids of the known faults that were seen. `all`: how many scenarios there are, if not
  /// only those that were added.
  std::string text(const std::set<std::string>& known = {}, std::size_t all = 0) const;
  bool empty() const { return scenarios_ == 0; }
  bool all_agree() const { return differing_ == 0; }
  /// Whether a step was not judged in a scenario that does not say why.
  bool unjudged_unasked() const { return unasked_ > 0; }
  /// Whether the replay fails. `strict`: what was not judged, or is refused, in a scenario that
  /// does not say so is one. `bless`: what is refused so is one, because it was not blessed.
  bool fails(bool strict, bool bless) const;

 private:
  struct Row {
    std::string name;
    std::vector<std::string> cells;  ///< one for each subject, and one for the golden
  };

  void count_unjudged(const Scenario& scenario, const ScenarioResult& result);
  std::string outcome(const std::set<std::string>& known) const;
  std::string unjudged_text() const;
  std::string mistakes_text() const;

  std::vector<std::string> subjects_;
  std::vector<Row> rows_;
  std::size_t scenarios_ = 0;
  std::size_t testcases_ = 0;
  std::size_t differing_ = 0;                    ///< scenarios
  std::map<std::string, std::size_t> unjudged_;  ///< steps of a witness, by reason
  std::size_t unasked_ = 0;                      ///< of them in scenarios that do not say why
  std::size_t unasked_refusals_ = 0;             ///< steps that no story wants refused
  std::size_t broken_words_ = 0;                 ///< steps that are to be refused, and are not
};

}  // namespace sim
