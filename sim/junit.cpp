// SPDX-License-Identifier: MIT
#include "sim/junit.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/report.h"
#include "sim/sightings.h"

namespace sim {

namespace {

/// Text as it stands in XML. What XML 1.0 cannot say at all becomes a question mark.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '"') {
      result += "&quot;";
    } else if (c == '\n') {
      result += "&#10;";
    } else {
      result += code < 0x20 && c != '\t' ? '?' : c;
    }
  }
  return result;
}

struct Failed {
  std::string type;  ///< of the failure, for those who group them
  std::string text;
};

/// What is wrong with whom, gravest first.
std::string type_of(const Difference& difference) {
  std::string type = "different";
  for (const Shown& shown : difference.shown) {
    if (shown.breakdown) return "broke";
    if (!shown.finding || shown.finding->fault == Fault::different) continue;
    if (type != to_string(Fault::under_dirty)) type = to_string(shown.finding->fault);
  }
  return type;
}

/// Steps that do not do what their story wants, one to a line.
std::string mistakes_of(const Scenario& scenario, const TestcaseResult& testcase) {
  return mistakes_text(scenario, {{testcase}, {}});
}

std::vector<Failed> failures_of(const Scenario& scenario, const TestcaseResult& testcase,
                                bool strict) {
  std::vector<Failed> failures;
  if (testcase.difference)
    failures.push_back({type_of(*testcase.difference),
                        difference_text(scenario, testcase.title, *testcase.difference)});
  const bool mistaken = strict ? !testcase.mistakes.empty() : testcase.broke_its_word();
  if (mistaken) failures.push_back({"story", mistakes_of(scenario, testcase)});
  if (strict && scenario.unjudged.empty() && !testcase.not_judged.empty())
    failures.push_back(
        {"not judged", unjudged_text(scenario, testcase.title, testcase.not_judged)});
  return failures;
}

/// What is told beside failures: who left, and which known faults were seen.
std::string output_of(const Scenario& scenario, const TestcaseResult& testcase) {
  std::string text;
  for (const Sighting& each : testcase.sightings)
    text += sighting_text(scenario, testcase.title, each);
  for (const Departure& each : testcase.departures)
    text += departure_text(scenario, testcase.title, each);
  for (const std::string& name : testcase.absent)
    text += absence_text(scenario, testcase.title, name);
  return text;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string element(const Scenario& scenario, const std::string& title,
                    const std::vector<Failed>& failures, const std::string& output) {
  std::string text = fmt::format("    <testcase classname=\"{}\" name=\"{}\"",
                                 escaped(scenario.name), escaped(title));
  if (failures.empty() && output.empty()) return text + "/>\n";
  text += ">\n";
  for (const Failed& each : failures) {
    text += fmt::format("      <failure type=\"{}\" message=\"{}\">{}</failure>\n",
                        escaped(each.type), escaped(first_line(each.text)), escaped(each.text));
  }
  if (!output.empty()) text += fmt::format("      <system-out>{}</system-out>\n", escaped(output));
  return text + "    </testcase>\n";
}

std::vector<Failed> failures_of(GoldenState golden, const Scenario& scenario) {
  if (golden == GoldenState::differs)
    return {{"golden", scenario.golden + ": the transcript differs"}};
  if (golden == GoldenState::missing) return {{"golden", scenario.golden + ": is missing"}};
  return {};
}

}  // namespace

void JUnitReport::add(const Scenario& scenario, const ScenarioResult& result, GoldenState golden) {
  std::string cases;
  std::size_t tests = 0, failed = 0;
  const auto add_case = [&](const std::string& title, const std::vector<Failed>& failures,
                            const std::string& output) {
    cases += element(scenario, title, failures, output);
    ++tests;
    if (!failures.empty()) ++failed;
  };
  for (const TestcaseResult& each : result.testcases)
    add_case(each.title, failures_of(scenario, each, strict_), output_of(scenario, each));
  if (golden != GoldenState::none) add_case("golden", failures_of(golden, scenario), "");
  suites_ += fmt::format(
      "  <testsuite name=\"{}\" file=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" "
      "skipped=\"0\" time=\"{:.3f}\">\n{}  </testsuite>\n",
      escaped(scenario.name), escaped(scenario.path), tests, failed, result.took.count(), cases);
  tests_ += tests;
  failures_ += failed;
  time_ += result.took;
}

std::string JUnitReport::text() const {
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites name=\"blocktwin replay\" tests=\"{}\" failures=\"{}\" errors=\"0\" "
      "time=\"{:.3f}\">\n{}</testsuites>\n",
      tests_, failures_, time_.count(), suites_);
}

}  // namespace sim
