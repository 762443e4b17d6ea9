// SPDX-License-Identifier: MIT
// What a scenario says that it cannot mean is told: refusals that no story wants, misspelt names.
#include "sim/mistake.h"

#include <fstream>

#include "sim/fuzz/failure_files.h"
#include "sim/report.h"
#include "sim/runner.h"
#include "sim/script/spelling.h"
#include "sim/summary.h"
#include "tests/catch.h"
#include "tests/shell.h"
#include "tests/sim/scenario_of.h"
#include "tests/temp_dir.h"
#include "tests/text.h"

// Names of others are in the same unity group.
namespace mistake_test {

using namespace sim::script;

namespace {

/// The mistakes of a story that the model plays.
std::vector<std::string> mistakes(const std::string& text) {
  const auto result = sim::run_scenario(tests::scenario_of(text), {{"model"}}, nullptr);
  std::vector<std::string> told;
  for (const sim::Mistake& each : result.testcases.front().mistakes) {
    told.push_back(std::to_string(each.step.line) + " " + each.what);
  }
  return told;
}

using Told = std::vector<std::string>;

std::string error_of(const std::string& text) {
  try {
    const Script script = parse(text, "f");
    const std::vector<Run> all = runs(script, "f");
    check_sense(script, all);
    for (const Run& run : all) {
      for (const sim::Step& step : steps(script, run)) check_spelling(step, "f");
    }
  } catch (const ScriptError& error) {
    return error.what();
  }
  return "no error";
}

const std::string disk = "create TEST_DIR/a 1M\ndrive d TEST_DIR/a\n";

/// What the program says of a story.
tests::ShellResult replay(const std::string& text, const std::string& options) {
  const tests::TempDir directory;
  std::ofstream(directory / "a.scenario") << text;
  return tests::shell("cd '" + directory.path().string() + "'; BLOCKTWIN_ROOT='" + SOURCE_DIR +
                      "' '" + BLOCKTWIN + "' replay --subject model,engine a.scenario " + options);
}

using tests::has;

}  // namespace

TEST_CASE("a refusal that no story wants is told, and a failure under --strict alone") {
  const std::string text = disk + "unplug x\nshow bitmaps d\n";
  const tests::ShellResult told = replay(text, "");
  INFO(told.out);
  CHECK(told.status == 0);
  CHECK(has(told.out,
            "a.scenario:3: testcase \"a\": unplug x\n  is refused by all: Device 'x' not found "
            "('refused: …' in front of it, if the story wants that)\n"));
  CHECK(has(told.out, "all agree\n1 step is refused by all, and no story says so"));
  CHECK(replay(text, "--strict").status == 1);
  CHECK(replay(disk + "refused: unplug x\n", "--strict").status == 0);
}

TEST_CASE("a step that is done though its story says that it is refused is a failure") {
  const tests::ShellResult told = replay(disk + "refused: unplug d\n", "");
  INFO(told.out);
  CHECK(told.status == 1);
  CHECK(has(told.out, "a.scenario:3: testcase \"a\": unplug d\n  is to be refused, and is not"));
  CHECK(has(told.out, "0 of 1 PASSED"));
  CHECK(has(told.out, "1 step IS NOT REFUSED, as the story says"));
}

TEST_CASE("a mistake of many testcases is told once") {
  const auto scenario = tests::scenario_of("param n=1,2,3\ntestcases over n\nunplug d$n\n");
  const auto result = sim::run_scenario(scenario, {{"model"}}, nullptr);
  CHECK(result.unasked_refusals() == 3);
  const std::string text = mistakes_text(scenario, result);
  CHECK(has(text, "story:3: testcase \"n=1\": unplug d1\n"));
  CHECK(has(text, "  and 2 times more\n"));
  CHECK_FALSE(has(text, "unplug d2"));
}

TEST_CASE("what has mistakes is not blessed") {
  const tests::TempDir directory;
  std::filesystem::create_directories(directory / "scenarios");
  std::ofstream(directory / "scenarios/a.scenario") << "unplug x\n";
  const auto blessed = tests::shell("BLOCKTWIN_ROOT='" + directory.path().string() + "' '" +
                                    BLOCKTWIN + "' replay --subject model --bless");
  INFO(blessed.out);
  CHECK(blessed.status == 1);
  CHECK(has(blessed.out, "golden/a.txt: is not blessed"));
  CHECK_FALSE(std::filesystem::exists(directory / "golden/a.txt"));
}

TEST_CASE("the project's own scenarios say which refusals they want") {
  const sim::Project project{SOURCE_DIR};
  for (const std::string& path : sim::find_scenarios({}, project)) {
    const sim::Scenario scenario = sim::load_scenario(path, project);
    const std::string told =
        mistakes_text(scenario, sim::run_scenario(scenario, {{"model"}}, nullptr));
    INFO(told);
    CHECK(told.empty());
  }
}

TEST_CASE("what random runs find can be replayed as it was written") {
  const tests::TempDir directory;
  sim::fuzz::Campaign campaign;
  campaign.out = directory / "out";
  const sim::fuzz::FailureFiles files(campaign);
  for (const sim::fuzz::Profile& profile : sim::fuzz::profiles()) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      INFO(profile.name << " " << seed);
      sim::fuzz::Statistics unused;
      const auto program = generate(seed, profile, 60, unused);
      files.keep(seed, program, {program.size(), "planted", "  planted\n"});
      CHECK_NOTHROW(sim::load_scenario(files.of_run(seed), {}));
      CHECK(sim::fuzz::program_of_file(files.of_run(seed)) == program);
    }
  }
}

TEST_CASE("a step that all refuse is a mistake, unless the story wants that") {
  const std::string missing = "block-dirty-bitmap-clear node=d name=b\n";
  CHECK(mistakes(disk + missing) == Told{"3 is refused by all: Dirty bitmap 'b' not found"});
  CHECK(mistakes(disk + "refused: " + missing).empty());
  CHECK(mistakes(disk + "perhaps refused: " + missing).empty());
  CHECK(mistakes("refusals allowed\n" + disk + missing).empty());
  CHECK(mistakes("param x=a\ntestcase t x=b\n" + disk + "when x=b: refused: " + missing).empty());
}

TEST_CASE("a step that is done although it should be refused is a mistake") {
  CHECK(mistakes(disk + "refused: unplug d\n") == Told{"3 is to be refused, and is not"});
  CHECK(mistakes(disk + "perhaps refused: unplug d\n").empty());
}

TEST_CASE("whatever answers with an error is refused") {
  for (const std::string step :
       {"create TEST_DIR/a 1Z", "drive d TEST_DIR/a", "unplug e", "io d write 1M 512",
        "io d read -P 1 0 512", "damage TEST_DIR/a bitmap-type", "show dirty d b", "show bitmaps e",
        "show info TEST_DIR/b", "show check TEST_DIR/b"}) {
    INFO(step);
    CHECK(mistakes(disk + step + "\n").size() == 1);
    CHECK(mistakes(disk + "refused: " + step + "\n").empty());
  }
  CHECK(mistakes(disk + "show bitmap d b\nwait BLOCK_JOB_READY\nio d read 0 512\n").empty());
}

TEST_CASE("what may be refused or not is no mistake") {
  // The fault waits, and nobody knows how often the step writes.
  CHECK(mistakes(disk + "fail TEST_DIR/a write after=1\nio d write 0 512\n").empty());
}

TEST_CASE("mistakes of several steps are all told") {
  CHECK(mistakes("unplug x\nunplug y\n").size() == 2);
}

TEST_CASE("misspelt names are told, with what was probably meant") {
  struct Case {
    std::string text, error;
  };
  const std::vector<Case> cases = {
      {"crate TEST_DIR/a 1M",
       "expected a step (create, drive, unplug, io, wait, run, settle, schedule, damage, fail, "
       "foreign, show, print, restart, kill, power, or a QMP command with key=value "
       "arguments), found 'crate'; did you mean 'create'?"},
      {"block-dirty-bitmap-ad node=d name=b",
       "expected a command of QMP, found 'block-dirty-bitmap-ad'; did you mean "
       "'block-dirty-bitmap-add'?"},
      {R"({"execute": "block-resize"})",
       "expected a command of QMP, found 'block-resize'; did you mean 'block_resize'?"},
      {R"({"execute": "no-such-command"})", "expected a command of QMP, found 'no-such-command'"},
      {"block-commit device=d top_node=a",
       "expected an argument of block-commit, found 'top_node'; did you mean 'top-node'?"},
      {"block-dirty-bitmap-add node=d name=b persistent=yes",
       "expected true or false for persistent, found 'yes'; did you mean 'true'?"},
      {"block_resize device=d size=1M", "expected a number of digits for size, found '1M'"},
      {"blockdev-add driver=qow2 node-name=n file=f",
       "expected a driver of blockdev-add, found 'qow2'; did you mean 'qcow2'?"},
      {"blockdev-add driver=qcow2 node-nam=n file=f",
       "expected an argument of driver qcow2, found 'node-nam'; did you mean 'node-name'?"},
      {"wait BLOCK_JOB_REDY",
       "expected an event, found 'BLOCK_JOB_REDY'; did you mean 'BLOCK_JOB_READY'?"},
      {"create TEST_DIR/a 64KiB",
       "expected a size such as 512, 64K or 1.5M, found '64KiB'; did you mean '64K'?"},
      {"create TEST_DIR/a 1M cluster_size=64KB",
       "expected a size such as 512, 64K or 1.5M, found '64KB'; did you mean '64K'?"},
      {"create TEST_DIR/a 1M format=qow2",
       "expected a format of images, found 'qow2'; did you mean 'qcow2'?"},
      {"drive d TEST_DIR/a format=rw",
       "expected a format of images, found 'rw'; did you mean 'raw'?"},
      {"block-commit device=d on-error=ignor",
       "expected a value of on-error, found 'ignor'; did you mean 'ignore'?"},
      {"create TEST_DIR/a huge", "expected a size such as 512, 64K or 1.5M, found 'huge'"},
      {"io d wirte 0 512", "expected a command of qemu-io, found 'wirte'; did you mean 'write'?"},
      {"io d write -P 1 0 1MB",
       "expected a size such as 512, 64K or 1.5M, found '1MB'; did you mean '1M'?"},
  };
  for (const Case& each : cases) {
    INFO(each.text);
    CHECK(error_of(each.text + "\n") == "f:1: " + each.error);
    if (each.text.starts_with("crate") || each.text.starts_with("wait")) continue;
    CHECK(error_of("refused: " + each.text + "\n") == "no error");
    CHECK(error_of("refusals allowed\n" + each.text + "\n") == "no error");
  }
}

TEST_CASE("misspelt words of a verb are malformed, marked or not") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"create TEST_DIR/a 1M cluster_sise=64K", "cluster_size"},
      {"drive d TEST_DIR/a formt=raw", "format"},
      {"show drity d b", "dirty"},
      {"fail TEST_DIR/a wirte", "write"},
      {"damage TEST_DIR/a autoclaer", "autoclear"}};
  for (const auto& [step, meant] : cases) {
    INFO(step);
    CHECK(has(error_of(step + "\n"), "; did you mean '" + meant + "'?"));
    if (!step.starts_with("fail")) CHECK(error_of("refused: " + step + "\n") != "no error");
  }
}

TEST_CASE("a scenario without a step, or with a parameter that never varies, is malformed") {
  CHECK(error_of("") == "f: expected a step, found none");
  CHECK(error_of("# A story.\nparam a=1,2\ntestcases over a\n") ==
        "f: expected a step, found none");
  const std::string unvaried = "f:1: expected a testcase line that varies 'a', found none";
  CHECK(error_of("param a=1,2\nrestart\n") == unvaried);
  CHECK(error_of("param a=1\ntestcase \"one\" a=1\ntestcase \"other\"\nrestart\n") == unvaried);
  CHECK(error_of("param a=1\ntestcase \"one\" a=2\ntestcase \"other\"\nrestart\n") == "no error");
}

TEST_CASE("only what can be refused is marked so") {
  const std::string expected = "f:1: expected a step that can be refused after refused:, found ";
  CHECK(error_of("refused: restart\n") == expected + "'restart'");
  CHECK(error_of("refused: wait BLOCK_JOB_READY\n") == expected + "'wait BLOCK_JOB_READY'");
  CHECK(error_of("refused: kill at 1: quit\n") ==
        "f:1: expected a step whose answer is seen after refused:, found 'kill'");
  CHECK(error_of("refusals\nrestart\n") ==
        "f:1: expected allowed after refusals, found the end of the line");
  CHECK(error_of("restart\nrefusals allowed\n") ==
        "f:2: expected lines of the head before the first step, found 'refusals'");
}

}  // namespace mistake_test
