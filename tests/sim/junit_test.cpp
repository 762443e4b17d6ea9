// SPDX-License-Identifier: MIT
#include "sim/junit.h"

#include <fstream>

#include "tests/catch.h"
#include "tests/shell.h"
#include "tests/temp_dir.h"
#include "tests/text.h"

using namespace sim;
using tests::has;

namespace {

Scenario a_scenario() {
  Scenario scenario;
  scenario.path = "stories/a.scenario";
  scenario.name = "a";
  scenario.golden = "golden/a.txt";
  return scenario;
}

/// A testcase whose step was answered wrongly.
TestcaseResult differing(const std::string& title, Fault fault) {
  Step step;
  step.line = 7;
  step.text = "show bitmaps drive0";
  Shown model{"model", nlohmann::json::array(), {}, {}};
  Shown liar{"liar", nlohmann::json::array(), {}, Finding{fault, "at offset 0", "dirty", "clean"}};
  return {title, Difference{step, {model, liar}}, {}, {}};
}

/// What Python's reader of XML finds at that path: the value of an attribute, or the text.
std::string read(const std::string& xml, const std::string& path, const std::string& attribute) {
  const tests::TempDir directory;
  std::ofstream(directory / "report.xml") << xml;
  return tests::shell_ok(
      "python3 -c 'import sys, xml.etree.ElementTree as e\n"
      "found = e.parse(sys.argv[1]).getroot().find(sys.argv[2])\n"
      "print(found.text if sys.argv[3] == \"\" else found.get(sys.argv[3]), "
      "end=\"\")' '" +
      (directory / "report.xml") + "' '" + path + "' '" + attribute + "'");
}

}  // namespace

TEST_CASE("results are a suite for each scenario and a case for each testcase") {
  JUnitReport report(false);
  ScenarioResult result;
  result.testcases = {{"whole", {}, {}, {}}, differing("broken", Fault::under_dirty)};
  report.add(a_scenario(), result, GoldenState::none);
  ScenarioResult other;
  other.testcases = {{"b", {}, {}, {}}};
  Scenario b = a_scenario();
  b.name = "b";
  report.add(b, other, GoldenState::differs);
  const std::string xml = report.text();
  CHECK(read(xml, ".", "tests") == "4");
  CHECK(read(xml, ".", "failures") == "2");
  CHECK(read(xml, "testsuite[@name=\"a\"]", "failures") == "1");
  CHECK(read(xml, "testsuite/testcase[@name=\"broken\"]", "classname") == "a");
  const std::string failure = "testsuite/testcase[@name=\"broken\"]/failure";
  CHECK(has(read(xml, failure, "type"), "under-dirty"));
  CHECK(has(read(xml, failure, "message"), "stories/a.scenario:7"));
  CHECK(has(read(xml, failure, ""), "liar"));
  CHECK(read(xml, "testsuite/testcase[@name=\"golden\"]/failure", "type") == "golden");
}

TEST_CASE("what a title or an answer holds stays text, whatever XML thinks of it") {
  JUnitReport report(false);
  ScenarioResult result;
  result.testcases = {{"a <b> & \"c\" ü \x01", {}, {}, {}}};
  report.add(a_scenario(), result, GoldenState::none);
  CHECK(read(report.text(), "testsuite/testcase", "name") == "a <b> & \"c\" ü ?");
}

TEST_CASE("who is strict has failures of what was not judged") {
  for (const bool strict : {false, true}) {
    JUnitReport report(strict);
    ScenarioResult result;
    result.testcases = {{"a", {}, {}, {}}};
    result.testcases[0].not_judged = {{"engine", "the model cannot know", 3, "show data d"}};
    report.add(a_scenario(), result, GoldenState::same);
    CHECK(read(report.text(), ".", "failures") == (strict ? "1" : "0"));
  }
}

TEST_CASE("a replay writes its results where it is told, and says so when it cannot") {
  const tests::TempDir directory;
  std::ofstream(directory / "one.scenario") << "create TEST_DIR/PID-a 1M\ndrive d TEST_DIR/PID-a\n";
  const std::string replay = std::string(BLOCKTWIN) + " replay --subject model,engine '" +
                             (directory / "one.scenario") + "' --junit '";
  tests::shell_ok(replay + (directory / "r.xml") + "'");
  CHECK(has(tests::shell_ok("cat '" + (directory / "r.xml") + "'"), "name=\"one\""));
  const auto refused = tests::shell(replay + (directory / "nowhere/r.xml") + "'");
  CHECK(refused.status == 2);
  CHECK(has(refused.out, "cannot be written"));
}
