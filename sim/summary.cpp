// SPDX-License-Identifier: MIT
#include "sim/summary.h"

#include <fmt/format.h>

#include <algorithm>

namespace sim {

namespace {

/// Whether `subject` did what it should in the step that ended this testcase. The oracle is blamed
/// where it broke and where all others agree against it; against one other there is no telling who
/// is right.
bool did_right(const Difference& difference, const std::string& subject) {
  if (const auto alone = stands_alone(difference)) {
    return difference.shown[*alone].subject != subject;
  }
  for (const Shown& shown : difference.shown) {
    if (shown.subject == subject) return !shown.differs();
  }
  return true;
}

std::string verdict(const TestcaseResult& testcase, const std::string& subject) {
  if (testcase.difference && !did_right(*testcase.difference, subject)) return "DIFFERS";
  std::string known;
  for (const Sighting& each : testcase.sightings) {
    if (each.subject != subject) continue;
    if (known.find(each.fault) == std::string::npos)
      known += (known.empty() ? "" : " ") + each.fault;
  }
  if (!known.empty()) return "known " + known;
  const bool left = std::any_of(testcase.departures.begin(), testcase.departures.end(),
                                [&](const Departure& each) { return each.subject == subject; });
  const bool absent = std::count(testcase.absent.begin(), testcase.absent.end(), subject) > 0;
  if (left || absent) return "left out";
  if (testcase.broke_its_word()) return "MISTAKEN";
  return testcase.difference ? "stopped" : "passed";
}

/// "3 passed", "2 passed, 1 known", "1 left out", "1 of 3 PASSED".
std::string count(const ScenarioResult& result, const std::string& subject) {
  std::size_t passed = 0, known = 0, left = 0;
  for (const TestcaseResult& testcase : result.testcases) {
    const std::string text = verdict(testcase, subject);
    if (text == "passed") ++passed;
    if (text.starts_with("known")) ++known;
    if (text == "left out") ++left;
  }
  const auto total = result.testcases.size();
  if (passed + known + left < total) return fmt::format("{} of {} PASSED", passed, total);
  std::string text;
  const auto add = [&](std::size_t number, const char* what) {
    if (number > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number, what);
  };
  add(passed, "passed");
  add(known, "known");
  add(left, "left out");
  return text;
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
  count_unjudged(scenario, result);
  unasked_refusals_ += result.unasked_refusals();
  broken_words_ += result.broken_words();
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

void Summary::count_unjudged(const Scenario& scenario, const ScenarioResult& result) {
  for (const TestcaseResult& testcase : result.testcases) {
    for (const NotJudged& each : testcase.not_judged) ++unjudged_[each.why];
    if (scenario.unjudged.empty()) unasked_ += testcase.not_judged.size();
  }
}

/// "12 steps were not judged: after a fault of storage (M54) (7), too many worlds (5)"
std::string Summary::unjudged_text() const {
  std::size_t total = 0;
  std::string reasons;
  for (const auto& [why, count] : unjudged_) {
    total += count;
    reasons += fmt::format("{} {} ({})", reasons.empty() ? ":" : ",", why, count);
  }
  if (total == 0) return {};
  return fmt::format("{} step{} not judged{}\n", total, total == 1 ? " was" : "s were", reasons);
}

std::string Summary::text(const std::set<std::string>& known, std::size_t all) const {
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
  if (all > scenarios_) {
    text += fmt::format("broken off: {} of {} scenarios were run\n", scenarios_, all);
  }
  return text +
         fmt::format("{} scenario{}, {} testcase{}: {}\n", scenarios_, scenarios_ == 1 ? "" : "s",
                     testcases_, testcases_ == 1 ? "" : "s", outcome(known)) +
         unjudged_text() + mistakes_text();
}

bool Summary::fails(bool strict, bool bless) const {
  if (!all_agree() || broken_words_ > 0) return true;
  if ((strict || bless) && unasked_refusals_ > 0) return true;
  return strict && unjudged_unasked();
}

/// "2 steps are refused by all, and no story says so"
std::string Summary::mistakes_text() const {
  std::string text;
  if (broken_words_ > 0) {
    text +=
        fmt::format("{} NOT REFUSED, as the story says\n",
                    broken_words_ == 1 ? "1 step IS" : fmt::format("{} steps ARE", broken_words_));
  }
  if (unasked_refusals_ > 0) {
    text += fmt::format(
        "{} refused by all, and no story says so (--strict takes that for a failure)\n",
        unasked_refusals_ == 1 ? "1 step is" : fmt::format("{} steps are", unasked_refusals_));
  }
  return text;
}

std::string Summary::outcome(const std::set<std::string>& known) const {
  if (differing_ > 0) {
    return fmt::format("{} scenario{} DIFFER{}", differing_, differing_ == 1 ? "" : "s",
                       differing_ == 1 ? "S" : "");
  }
  std::string ids;
  for (const std::string& id : known) ids += " " + id;
  return known.empty() ? "all agree" : "all agree but for known divergences:" + ids;
}

}  // namespace sim
