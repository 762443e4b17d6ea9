// SPDX-License-Identifier: MIT
// Every rule about what we have is shown by a scenario, or says why none can.
#include "sim/rules.h"

#include <filesystem>
#include <fstream>

#include "sim/usage_error.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

namespace {

namespace fs = std::filesystem;

/// A project with these rules, excuses and one scenario.
class Project {
 public:
  Project(const std::string& rules, const std::string& excuses, const std::string& scenario) {
    fs::create_directories(root_.path() / "model");
    fs::create_directories(root_.path() / "scenarios/deep");
    std::ofstream(root_ / "model/RULES.md") << rules;
    std::ofstream(root_ / "scenarios/uncited.json") << excuses;
    std::ofstream(root_ / "scenarios/deep/one.scenario") << scenario;
  }
  sim::RuleTable table() const { return sim::RuleTable::read({root_.path().string()}); }

 private:
  tests::TempDir root_;
};

/// What is wrong with how a rule is shown; empty: nothing.
std::string fault(const sim::RuleTable& table, const std::string& id) {
  const sim::Rule* rule = table.find(id);
  if (rule == nullptr) return id + " is neither in model/RULES.md nor in scenarios/uncited.json";
  if (rule->scenarios.empty() && rule->reason.empty()) return id + " is cited by no scenario";
  if (!rule->scenarios.empty() && !rule->reason.empty()) {
    return id + " is cited by " + rule->scenarios[0] + ", and excused in scenarios/uncited.json";
  }
  return {};
}

}  // namespace

TEST_CASE("every rule about bitmaps, images, resize, snapshots and commits is shown") {
  const sim::RuleTable table = sim::RuleTable::read({SOURCE_DIR});
  for (int number = 1; number <= 80; ++number) {
    if (number > 35 && number < 44) continue;  // transactions and what they need
    const std::string text = fault(table, "S" + std::to_string(number));
    INFO(text);
    CHECK(text.empty());
  }
}

TEST_CASE("rules are read from lists, citations from comments") {
  const Project project(
      "# Rules\n\n- **S1** Bits are `clean`\n  at first. More.\n- **S9, S10** Two. **S2** In "
      "line.\n"
      "- no rule\n\n**S7** no item\n",
      R"({"S3": "not built"})", "# A story.   S10, S4\nprint \"S1\"  # S9 S1x xS1 L1\n");
  const sim::RuleTable table = project.table();
  REQUIRE(table.rules().size() == 5);
  CHECK(table.rules()[0].id == "S1");
  CHECK(table.rules()[0].text == "Bits are clean at first");
  CHECK(table.rules()[4].id == "S10");
  CHECK(table.find("S2")->text == "In line");
  CHECK(table.find("S10")->scenarios == std::vector<std::string>{"deep/one"});
  CHECK(table.find("S9")->scenarios == std::vector<std::string>{"deep/one"});
  CHECK(table.unknown() == std::map<std::string, std::string>{{"S4", "deep/one"}});
  CHECK(fault(table, "S1") == "S1 is cited by no scenario");
  CHECK(fault(table, "S3").empty());
  CHECK(fault(table, "S9").empty());
}

TEST_CASE("canary: an excuse for a rule that is cited, and a malformed one, are seen") {
  const Project stale("- **S1** One.\n", R"({"S1": "never"})", "# S1\nprint \"x\"\n");
  CHECK(fault(stale.table(), "S1").find("and excused") != std::string::npos);
  const Project malformed("- **S1** One.\n", R"({"S1": 7})", "print \"x\"\n");
  CHECK_THROWS_AS(malformed.table(), sim::UsageError);
}
