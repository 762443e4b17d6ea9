// SPDX-License-Identifier: MIT
#include "sim/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "sim/render.h"

namespace sim {

namespace {

std::string place(const Scenario& scenario, int line) {
  return line > 0 ? fmt::format("{}:{}", scenario.path, line) : scenario.path;
}

/// What a subject showed, as the transcript would have it, without the echo of the request.
std::string shown_text(const Step& step, const Shown& shown) {
  if (shown.breakdown) return "broke: " + shown.breakdown->text + "\n";
  std::string text = render(step, shown.observation);
  if (std::holds_alternative<QmpStep>(step.action)) text.erase(0, text.find('\n') + 1);
  return text.empty() ? "(nothing)\n" : text;
}

std::string fault_text(const Shown& shown) {
  const Finding& finding = *shown.finding;
  return fmt::format("  {}: {}{}: expected {}, found {}\n", shown.subject, to_string(finding.fault),
                     finding.where.empty() ? "" : " " + finding.where, finding.expected,
                     finding.seen);
}

/// `text` line by line with `label` in front of the first.
std::string column(const std::string& label, std::size_t width, const std::string& text) {
  std::string result;
  std::istringstream lines(text);
  std::string head = label;
  for (std::string line; std::getline(lines, line); head.clear()) {
    result += fmt::format("  {:<{}} | {}\n", head, width, line);
  }
  return result;
}

std::string names_of(const Difference& difference, const std::vector<std::size_t>& camp) {
  std::vector<std::string> names;
  for (const std::size_t each : camp) names.push_back(difference.shown[each].subject);
  return joined_names(names);
}

/// The judge itself stands alone: what the others found wrong is not their fault.
std::string outvoted_judge(const Difference& difference) {
  const Shown& model = difference.shown[0];
  if (model.breakdown) return {};
  const Finding& finding = *difference.shown[1].finding;
  const auto others = camps(difference)[1];
  return fmt::format("  {}: stands alone{}: allows {}, {} found {}\n", model.subject,
                     finding.where.empty() ? "" : " " + finding.where, finding.expected,
                     names_of(difference, others), finding.seen);
}

std::string faults_text(const Difference& difference) {
  if (stands_alone(difference) == 0u) return outvoted_judge(difference);
  std::string text;
  for (const Shown& shown : difference.shown) {
    if (shown.finding) text += fault_text(shown);
  }
  return text;
}

/// With three subjects or more: who agrees with whom.
std::string camps_text(const Difference& difference) {
  if (difference.shown.size() < 3) return {};
  auto sides = camps(difference);
  std::stable_sort(sides.begin(), sides.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  if (sides.front().size() == 1) return "  no two of them agree\n";
  std::string text = "  " + names_of(difference, sides[0]) + " agree";
  for (std::size_t i = 1; i < sides.size(); ++i) {
    text += (i > 1 ? ", and against " : " against ") + names_of(difference, sides[i]);
  }
  return text + "\n";
}

std::string line_of(const std::string& text, std::size_t index) {
  std::istringstream lines(text);
  std::string line;
  for (std::size_t i = 0; std::getline(lines, line); ++i) {
    if (i == index) return line;
  }
  return "(the end)";
}

}  // namespace

std::string joined_names(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += i == 0 ? "" : i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}

std::string difference_text(const Scenario& scenario, const std::string& testcase,
                            const Difference& difference) {
  const Step& step = difference.step;
  std::string text =
      fmt::format("{}: testcase \"{}\": {}\n", place(scenario, step.line), testcase, step.text);
  std::size_t width = 0;
  for (const Shown& shown : difference.shown) width = std::max(width, shown.subject.size());
  text += faults_text(difference);
  for (const Shown& shown : difference.shown) {
    text += column(shown.subject, width, shown_text(step, shown));
  }
  return text + camps_text(difference);
}

std::string sighting_text(const Scenario& scenario, const std::string& testcase,
                          const Sighting& sighting) {
  const Step& step = sighting.step;
  return fmt::format("{}: testcase \"{}\": {}\n  {}: known divergence {}: {} ({})\n",
                     place(scenario, step.line), testcase, step.text, sighting.subject,
                     sighting.fault, sighting.title, sighting.how);
}

std::string mistakes_text(const Scenario& scenario, const ScenarioResult& result) {
  struct Told {
    std::string text;
    std::size_t times = 0;
  };
  std::map<std::pair<int, std::string>, Told> told;  // by line, and the kind of mistake
  for (const TestcaseResult& testcase : result.testcases) {
    for (const Mistake& each : testcase.mistakes) {
      Told& one = told[{each.step.line, each.hint()}];
      if (one.times++ > 0) continue;
      one.text =
          fmt::format("{}: testcase \"{}\": {}\n  {} ({})\n", place(scenario, each.step.line),
                      testcase.title, each.step.text, each.what, each.hint());
    }
  }
  std::string text;
  for (const auto& [key, one] : told) {
    text += one.text;
    if (one.times > 1) text += fmt::format("  and {} times more\n", one.times - 1);
    text += "\n";
  }
  return text;
}

std::string departure_text(const Scenario& scenario, const std::string& testcase,
                           const Departure& departure) {
  return fmt::format("{}: testcase \"{}\": {} is left out: {}\n",
                     place(scenario, departure.step.line), testcase, departure.subject,
                     departure.why);
}

std::string unjudged_text(const Scenario& scenario, const std::string& testcase,
                          const std::vector<NotJudged>& steps) {
  const NotJudged& first = steps.front();
  std::string text =
      fmt::format("{}: testcase \"{}\": {}\n  {}: not judged: {}\n", place(scenario, first.line),
                  testcase, first.step, first.subject, first.why);
  if (steps.size() > 1) text += fmt::format("  and {} more of this testcase\n", steps.size() - 1);
  return text;
}

std::string absence_text(const Scenario& scenario, const std::string& testcase,
                         const std::string& subject) {
  return fmt::format("{}: testcase \"{}\": {} is left out from here on: it hung {} times\n",
                     scenario.path, testcase, subject, Acquaintance::most_hangs);
}

std::optional<std::string> golden_difference(const Scenario& scenario, const Transcript& transcript,
                                             const std::string& golden,
                                             const std::vector<std::string>& subjects) {
  const std::string& text = transcript.text();
  if (text == golden) return std::nullopt;
  const auto [ours, theirs] = std::mismatch(text.begin(), text.end(), golden.begin(), golden.end());
  const auto line = static_cast<std::size_t>(std::count(text.begin(), ours, '\n'));
  const Transcript::Origin& origin = transcript.origin(line);
  const std::string who = joined_names(subjects);
  std::string report =
      fmt::format("{}:{}: differs from what {} showed\n", scenario.golden, line + 1, who);
  report += fmt::format("  {}: testcase \"{}\": {}\n", place(scenario, origin.line),
                        origin.testcase, origin.step);
  const std::size_t width = std::max<std::size_t>(6, who.size());
  report += column("golden", width, line_of(golden, line) + "\n");
  return report + column(who, width, line_of(text, line) + "\n");
}

}  // namespace sim
