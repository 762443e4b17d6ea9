// SPDX-License-Identifier: MIT
// Crashes at every storage operation: nothing is lost, and an engine that loses something is
// caught.
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "tests/catch.h"
#include "tests/shell.h"
#include "tests/temp_dir.h"

namespace tests {
namespace {

namespace fs = std::filesystem;

const std::string one_scenario = "scenarios/testcases/snapshot-commit.scenario";
const std::string stored = "scenarios/power/stored.scenario";

ShellResult run(const std::string& program, const std::string& arguments) {
  return shell("cd '" SOURCE_DIR "' && BLOCKTWIN_ROOT=. '" + program + "' " + arguments);
}

/// The number in front of `what`; 0 if there is none.
unsigned long figure(const std::string& text, const std::string& what) {
  std::smatch found;
  return std::regex_search(text, found, std::regex("([0-9]+) " + what)) ? std::stoul(found[1]) : 0;
}

}  // namespace

TEST_CASE(
    "crashes at every operation of the documented testcases lose nothing, as qemu-img sees "
    "too") {
  const ShellResult result = run(BLOCKTWIN, "sweep --qemu-img 40 " + one_scenario);
  INFO(result.out);
  CHECK(result.status == 0);
  CHECK(mentions(result.out, "crash states, 0 wrong"));
  CHECK(figure(result.out, "crash states") > 500);
  CHECK(std::regex_search(result.out, std::regex("qemu-img checked [1-9][0-9]+ images")));
}

TEST_CASE("a sweep prints the same however many go on at once") {
  const std::string arguments = "sweep --all-up-to 4 --samples 2 --seed 3 " + one_scenario;
  const ShellResult one = run(BLOCKTWIN, arguments);
  CHECK(one.status == 0);
  CHECK(one.out == run(BLOCKTWIN, arguments + " --jobs 3").out);
}

TEST_CASE("faults of every operation of a story of stored bitmaps harm nothing") {
  const ShellResult result = run(BLOCKTWIN, "sweep --faults " + stored);
  INFO(result.out);
  CHECK(result.status == 0);
  CHECK(mentions(result.out, "operations failed, 0 wrong"));
  CHECK(figure(result.out, "operations failed") > 40);
  CHECK(result.out == run(BLOCKTWIN, "sweep --faults --jobs 3 " + stored).out);
}

TEST_CASE(
    "an engine that forgets what a failed write touched is caught by a fault, and caught again") {
  const TempDir found;
  const std::string mutant = std::string(MUTANTS) + "/mutant_fault-write-forgets-bits";
  const ShellResult result =
      run(mutant, "sweep --faults --out '" + found.path().string() + "' " + stored);
  INFO(result.out);
  CHECK(result.status == 1);
  CHECK(mentions(result.out, "under-dirty"));
  unsigned stories = 0;
  for (const auto& entry : fs::directory_iterator(found.path())) {
    const std::string path = "'" + entry.path().string() + "'";
    const ShellResult again = run(mutant, "sweep --faults " + path);
    INFO(again.out);
    CHECK(mentions(again.out, "1 operations failed, 1 wrong"));
    CHECK(run(BLOCKTWIN, "sweep --faults " + path).status == 0);
    ++stories;
  }
  CHECK(stories > 0);
}

TEST_CASE("an engine that writes in a wrong order is caught where it crashes, and caught again") {
  for (const std::string order :
       {"skips-a-flush", "header-before-directory", "clears-in-use-early"}) {
    const TempDir found;
    const std::string mutant = std::string(MUTANTS) + "/mutant_order-" + order;
    const ShellResult result =
        run(mutant, "sweep --out '" + found.path().string() + "' " + one_scenario);
    INFO(order << "\n" << result.out);
    CHECK(result.status == 1);
    unsigned cuts = 0;
    for (const auto& entry : fs::directory_iterator(found.path())) {
      const std::string path = "'" + entry.path().string() + "'";
      const std::string story = text_of(entry.path());
      INFO(story);
      cuts += mentions(story, "\nkill at ") || mentions(story, "\npower at ") ? 1 : 0;
      CHECK(run(mutant, "replay --subject model,engine " + path).status == 1);
      // The right engine is not wrong there, or cannot be: it has flushed what is to be lost.
      const ShellResult right = run(BLOCKTWIN, "replay --subject model,engine " + path);
      INFO(right.out);
      CHECK((right.status == 0 || mentions(right.out, "which is not there: ")));
    }
    CHECK(cuts >= 1);
  }
}

TEST_CASE("what cannot be swept is told in one line") {
  CHECK(run(BLOCKTWIN, "sweep nowhere").status == 2);
  CHECK(run(BLOCKTWIN, "sweep --jobs 0 " + one_scenario).status == 2);
  CHECK(mentions(run(BLOCKTWIN, "sweep --help").out, "--samples"));
}

}  // namespace tests
