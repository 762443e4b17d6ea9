// SPDX-License-Identifier: MIT
// Scenarios as iotests: what is written, and what cannot be. That the tests run and pass is tried
// by hand, with QEMU's own machinery (docs/design.md).
#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/export/iotest.h"
#include "sim/export/python_names.h"
#include "sim/usage_error.h"
#include "tests/catch.h"
#include "tests/shell.h"
#include "tests/temp_dir.h"
#include "tests/text.h"

namespace {

using nlohmann::json;
using sim::exporting::Iotest;
using tests::has;

const sim::Project project{SOURCE_DIR};

sim::Scenario story_of(const std::string& name) {
  return sim::load_scenario(project.root + "/scenarios/" + name + ".scenario", project);
}

/// Why it cannot be exported.
std::string refusal_of(const sim::Scenario& scenario, const std::string& testcase = "") {
  try {
    sim::exporting::export_iotest(scenario, testcase);
  } catch (const sim::UsageError& error) {
    return std::string(error.what()).substr(scenario.path.size());
  }
  return "it can";
}

/// The name of the exported test.
std::string test_of(const std::string& name) {
  return sim::exporting::export_iotest(story_of(name), "").name;
}

/// A scenario of this text.
struct Written {
  explicit Written(const std::string& text) {
    std::ofstream(path()) << text;
    scenario = sim::load_scenario(path(), project);
  }
  std::string path() const { return directory / "story.scenario"; }
  Iotest exported() const { return sim::exporting::export_iotest(scenario, ""); }
  tests::TempDir directory;
  sim::Scenario scenario;
};

}  // namespace

TEST_CASE("images are variables wherever they are named") {
  sim::exporting::PythonNames names;
  names.learn("drive d TEST_DIR/PID-a-b TEST_DIR/PID-a_b TEST_DIR/PID-1");
  const auto text = [&](const std::string& each) { return names.expression(each); };
  CHECK(text("TEST_DIR/PID-a-b") == "a_b_img");
  CHECK(text("TEST_DIR/PID-a_b") == "a_b_img_");
  CHECK(text("file={TEST_DIR/PID-1},x") == "f'file={{{img_1_img}}},x'");
  CHECK(text("PID-1") == "os.path.basename(img_1_img)");
  CHECK(text("it's \\ {}\n") == "'it\\'s \\\\ {}\\n'");
  CHECK(names.expression(json::parse(R"({"a":[true,null,1.5,"TEST_DIR/PID-1"]})")) ==
        "{'a': [True, None, 1.5, img_1_img]}");
  CHECK_THROWS_AS(text("TEST_DIR/other"), std::invalid_argument);
}

TEST_CASE("the documented testcases become an iotest whose output is the transcript") {
  const Iotest test = sim::exporting::export_iotest(story_of("testcases/snapshot-commit"), "");
  CHECK(test.name == "testcases-snapshot-commit");
  std::ostringstream golden;
  golden << std::ifstream(project.root + "/golden/testcases/snapshot-commit.txt").rdbuf();
  CHECK(test.expected == golden.str());
  CHECK(test.program.starts_with("#!/usr/bin/env python3\n# group: rw\n"));
  CHECK(has(test.program, "iotests.FilePath('base', 'top') as (base_img, top_img)"));
  CHECK(has(test.program, "qmp(vm, 'block-commit', device='drive0', top=top_img)"));
}

TEST_CASE("one testcase can be chosen, and only one that there is") {
  const sim::Scenario scenario = story_of("testcases/snapshot-commit");
  const Iotest test = sim::exporting::export_iotest(scenario, "persistent with restart");
  CHECK(has(test.expected, "Testcase persistent with restart"));
  CHECK_FALSE(has(test.expected, "Testcase persistent without restart"));
  CHECK(has(refusal_of(scenario, "nobody"), "there is no testcase \"nobody\" among \"non-"));
}

TEST_CASE("what qemu-io will have printed is expected at the machine's end") {
  const Iotest test = Written(
                          "create TEST_DIR/PID-a 1M\n"
                          "drive d TEST_DIR/PID-a\n"
                          "io d read -P 1 0 512\n"
                          "io nobody read 0 512\n"
                          "print \"after\"\n"
                          "kill\n")
                          .exported();
  CHECK(test.expected ==
        "\nTestcase story\n\n"
        "Error: Cannot find device='' nor node-name='nobody'\n"
        "after\n"
        "Pattern verification failed at offset 0, 512 bytes\n"
        "... Kill ...\n");
}

TEST_CASE("an iotest waits for what is in flight where its story settles") {
  const Iotest test = Written(
                          "create TEST_DIR/PID-a 1M\n"
                          "drive d TEST_DIR/PID-a\n"
                          "io d aio_write 0 512\n"
                          "settle\n"
                          "show data d\n")
                          .exported();
  CHECK(has(test.program, "import time\n"));
  CHECK(has(test.program, "def settle(vm):\n"));
  CHECK(has(test.program, "        settle(vm)\n"));
}

TEST_CASE("what an iotest cannot say is refused with its place") {
  const std::string start = "create TEST_DIR/PID-a 1M\ndrive d TEST_DIR/PID-a\n";
  const auto refusal = [&](const std::string& text) {
    return refusal_of(Written(start + text).scenario);
  };
  CHECK(has(refusal("io d write 0 64K\nkill\ndrive d TEST_DIR/PID-a\nshow data d\n"),
            ":6: testcase \"story\": cannot be exported: the model allows more than one answer"));
  CHECK(has(refusal("{\"execute\": \"query-block\", \"id\": 7}\n"), ":3: "));
  CHECK(has(refusal("refused: block-job-cancel filters=1\n"),
            "cannot send an argument named 'filters'"));
  CHECK(has(refusal("drive e TEST_DIR/other\n"), "TEST_DIR/PID-name"));
}

TEST_CASE("exported programs are Python") {
  const tests::TempDir directory;
  for (const std::string name :
       {"testcases/snapshot-commit", "snapshot/refused", "persistence/kill_while_writable",
        "bitmaps/merge", "guest_io/read_back", "commit/pending"}) {
    const std::string program = directory / "new/" + test_of(name);
    const tests::ShellResult result =
        tests::shell(std::string("BLOCKTWIN_ROOT='") + SOURCE_DIR + "' '" + BLOCKTWIN +
                     "' export '" + SOURCE_DIR + "/scenarios/" + name + ".scenario' --out '" +
                     directory / "new" + "' && python3 -m py_compile '" + program + "'");
    INFO(result.out);
    CHECK(result.status == 0);
  }
}
