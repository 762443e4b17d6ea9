// SPDX-License-Identifier: MIT
#include "sim/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "sim/render.h"

namespace sim {

namespace {

std::string place(const Scenario& scenario, int line) {
  return line > 0 ? fmt::format("{}:{}", scenario.path, line) : scenario.path;
}

/// What a subject showed, as the transcript would have it, without the echo of the request.
std::string shown_text(const Step& step, const Shown& shown) {
  if (!shown.failure.empty()) return "broke: " + shown.failure + "\n";
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

/// With three subjects: the one that the two others agree against.
std::string outvoted(const Difference& difference) {
  const std::vector<Shown>& shown = difference.shown;
  if (shown.size() != 3) return {};
  if (std::any_of(shown.begin(), shown.end(), [](const Shown& s) { return !s.failure.empty(); })) {
    return {};
  }
  const auto alone = [&](std::size_t one, std::size_t a, std::size_t b) {
    return fmt::format("  {} and {} agree against {}\n", shown[a].subject, shown[b].subject,
                       shown[one].subject);
  };
  if (!shown[1].finding) return alone(2, 0, 1);
  if (!shown[2].finding) return alone(1, 0, 2);
  const bool others_agree =
      !judge(difference.step, shown[1].observation, shown[2].observation).has_value();
  return others_agree ? alone(0, 1, 2) : "  no two of them agree\n";
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
  for (const Shown& shown : difference.shown) {
    if (shown.finding) text += fault_text(shown);
    width = std::max(width, shown.subject.size());
  }
  for (const Shown& shown : difference.shown) {
    text += column(shown.subject, width, shown_text(step, shown));
  }
  return text + outvoted(difference);
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
