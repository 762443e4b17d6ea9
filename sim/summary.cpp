// SPDX-License-Identifier: MIT
#include "sim/summary.h"

#include <fmt/format.h>

#include <algorithm>

namespace sim {

namespace {

/// Whether `subject` did what it should in this testcase. The oracle is blamed only where it broke:
/// against one other there is no telling who is right.
bool passed(const TestcaseResult& testcase, const std::string& subject) {
  if (!testcase.difference) return true;
  for (const Shown& shown : testcase.difference->shown) {
    if (shown.subject == subject) return shown.failure.empty() && !shown.finding;
  }
  return false;
}

std::string verdict(const TestcaseResult& testcase, const std::string& subject) {
  return passed(testcase, subject) ? testcase.difference ? "stopped" : "passed" : "DIFFERS";
}

std::string count(const ScenarioResult& result, const std::string& subject) {
  const auto total = result.testcases.size();
  const auto good = static_cast<std::size_t>(std::count_if(
      result.testcases.begin(), result.testcases.end(),
      [&](const TestcaseResult& each) { return verdict(each, subject) == "passed"; }));
  return good == total ? fmt::format("{} passed", total)
                       : fmt::format("{} of {} PASSED", good, total);
}

std::string golden_text(GoldenState state) {
  switch (state) {
    case GoldenState::same:
      return "same";
    case GoldenState::differs:
      return "DIFFERS";
    case GoldenState::missing:
      return "MISSING";
    case GoldenState::blessed:
      return "blessed";
    case GoldenState::none:
      break;
  }
  return "-";
}

}  // namespace

void Summary::add(const Scenario& scenario, const ScenarioResult& result, GoldenState golden) {
  ++scenarios_;
  testcases_ += result.testcases.size();
  const bool golden_wrong = golden == GoldenState::differs || golden == GoldenState::missing;
  if (!result.agreed() || golden_wrong) ++differing_;
  Row row{scenario.name, {}};
  for (const std::string& subject : subjects_) row.cells.push_back(count(result, subject));
  row.cells.push_back(golden_text(golden));
  rows_.push_back(std::move(row));
  if (!scenario.titled) return;
  for (const TestcaseResult& testcase : result.testcases) {
    Row named{"  " + testcase.title, {}};
    for (const std::string& subject : subjects_) named.cells.push_back(verdict(testcase, subject));
    named.cells.emplace_back();
    rows_.push_back(std::move(named));
  }
}

std::string Summary::text() const {
  Row head{"scenario", subjects_};
  head.cells.emplace_back("golden");
  std::vector<Row> rows = rows_;
  rows.insert(rows.begin(), head);
  std::size_t name_width = 0, cell_width = 0;
  for (const Row& row : rows) {
    name_width = std::max(name_width, row.name.size());
    for (const std::string& cell : row.cells) cell_width = std::max(cell_width, cell.size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line = fmt::format("{:<{}}", row.name, name_width);
    for (const std::string& cell : row.cells) line += fmt::format("  {:<{}}", cell, cell_width);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  const std::string outcome =
      differing_ == 0 ? "all agree"
                      : fmt::format("{} scenario{} DIFFER{}", differing_,
                                    differing_ == 1 ? "" : "s", differing_ == 1 ? "S" : "");
  return text + fmt::format("{} scenario{}, {} testcase{}: {}\n", scenarios_,
                            scenarios_ == 1 ? "" : "s", testcases_, testcases_ == 1 ? "" : "s",
                            outcome);
}

}  // namespace sim
