// SPDX-License-Identifier: MIT
#include "sim/sweep/finding.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

namespace sim::sweep {

using nlohmann::json;

namespace {

constexpr std::array<const char*, 9> verdicts = {
    "under-dirty", "lost data", "corruption",  "unreadable",
    "over-dirty",  "different", "engine died", "differs without a crash",
    "still fails"};

std::string crash_line(const CrashPoint& point, const std::string& step) {
  const std::string verb = point.how == Stop::power ? "power" : "kill";
  const std::string option = point.how == Stop::power ? point.kept.option() : "";
  std::string text = verb;
  if (point.cut) text += " at " + std::to_string(point.cut->operation);
  if (!option.empty()) text += " " + option;
  return point.cut ? text + ": " + step : text;
}

/// Where it crashed, for humans.
std::string place_text(const CrashPoint& point) {
  std::string text;
  if (point.cut) {
    text = fmt::format("before operation {} of the step, {} of the testcase: {}",
                       point.cut->operation, point.of_run, point.operation);
  } else {
    text = fmt::format("after the step and {} operations of the testcase", point.of_run);
  }
  for (const std::string& each : point.lost) text += "\n  " + each;
  return text;
}

/// The scenario: what led to the crash, the crash, what shows that something is wrong.
std::string story_of(const Scenario& scenario, const Scenario::Testcase& testcase,
                     const CrashPoint& point, const std::string& head,
                     const std::vector<std::string>& looks) {
  std::string text;
  const std::string origin = fmt::format("{}, testcase \"{}\"", scenario.path, testcase.title);
  text += "# Found by sweep in " + origin + ".\n";
  std::string line = "# ";
  for (const char c : head) {
    line += c;
    if (c == '\n') text += line, line = "# ";
  }
  text += line + "\nrefusals allowed\n\n";
  for (std::size_t i = 0; i < point.step; ++i) {
    text += script::escaped(testcase.steps[i].text) + "\n";
  }
  const std::string last = script::escaped(testcase.steps[point.step].text);
  if (!point.cut) text += last + "\n";
  text += crash_line(point, last) + "\n";
  for (const std::string& look : looks) text += look + "\n";
  return text;
}

bool is_of_bitmaps(Sight sight) {
  return sight == Sight::bitmap || sight == Sight::bitmaps || sight == Sight::dirty;
}

}  // namespace

std::string to_string(Verdict verdict) { return verdicts[static_cast<std::size_t>(verdict)]; }

Verdict verdict_on(const Difference& difference) {
  const Shown& shown = difference.shown.back();
  if (shown.breakdown) return Verdict::engine_died;
  if (std::holds_alternative<DriveStep>(difference.step.action)) return Verdict::unreadable;
  const auto* show = std::get_if<ShowStep>(&difference.step.action);
  if (show == nullptr) return Verdict::different;
  if (show->sight == Sight::data) return Verdict::lost_data;
  // Without its first bytes an image looks raw.
  const bool looks_raw =
      shown.observation.is_object() && shown.observation.value("format", "") == "raw";
  const bool of_image = show->sight == Sight::info || show->sight == Sight::check;
  if (of_image && (looks_raw || shown.observation.contains("error"))) return Verdict::unreadable;
  if (show->sight == Sight::check) return Verdict::corruption;
  if (!is_of_bitmaps(show->sight)) return Verdict::different;
  const Fault fault = shown.finding->fault;
  return fault == Fault::under_dirty  ? Verdict::under_dirty
         : fault == Fault::over_dirty ? Verdict::over_dirty
                                      : Verdict::different;
}

json to_json(const Sweep& sweep) {
  json findings = json::array();
  for (const Finding& each : sweep.findings) {
    findings.push_back({static_cast<int>(each.verdict), each.report, each.story});
  }
  return {{"steps", sweep.steps},       {"operations", sweep.operations},
          {"kills", sweep.kills},       {"power-cuts", sweep.power_cuts},
          {"unread", sweep.unread},     {"inspected", sweep.inspected},
          {"failures", sweep.failures}, {"findings", std::move(findings)}};
}

Sweep sweep_of(const json& value) {
  Sweep sweep{value["steps"],  value["operations"], value["kills"],   value["power-cuts"],
              value["unread"], value["inspected"],  value["failures"]};
  for (const json& each : value["findings"]) {
    sweep.findings.push_back({static_cast<Verdict>(each[0].get<int>()), each[1], each[2]});
  }
  return sweep;
}

Finding finding_at(const Scenario& scenario, const Scenario::Testcase& testcase,
                   const CrashPoint& point, Verdict verdict, const std::vector<std::string>& looks,
                   const std::string& what) {
  const Step& step = testcase.steps[point.step];
  const std::string line = step.line > 0 ? ":" + std::to_string(step.line) : " at its end";
  std::string report = fmt::format("{}{}: testcase \"{}\": {}\n", scenario.path, line,
                                   testcase.title, crash_line(point, step.text));
  const std::string place = place_text(point);
  report += "  " + to_string(verdict) + ", " + place + "\n";
  if (!looks.empty()) report += "  then " + looks.back() + ":\n";
  report += what;
  const std::string head = to_string(verdict) + ", if it crashes " + place;
  return {verdict, report, story_of(scenario, testcase, point, head, looks)};
}

}  // namespace sim::sweep
