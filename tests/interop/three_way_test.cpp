// SPDX-License-Identifier: MIT
// The real QEMU as third subject: who runs, and that it tells the documented transcript.
#include <fstream>
#include <sstream>

#include "tests/catch.h"
#include "tests/shell.h"
#include "tests/temp_dir.h"
#include "tests/text.h"

namespace tests {
namespace {

const std::string program = std::string("BLOCKTWIN_ROOT='") + SOURCE_DIR + "' '" + BLOCKTWIN + "' ";
const std::string testcases = std::string(SOURCE_DIR) + "/scenarios/testcases";

}  // namespace

TEST_CASE("QEMU tells the documented transcript of the documented testcases") {
  std::ostringstream golden;
  golden
      << std::ifstream(std::string(SOURCE_DIR) + "/golden/testcases/snapshot-commit.txt").rdbuf();
  const ShellResult result =
      shell(program + "transcript --subject qemu " + testcases + "/snapshot-commit.scenario");
  CHECK(result.status == 0);
  CHECK(result.out == golden.str());
}

TEST_CASE("a replay takes the QEMU on PATH and says which it is") {
  const ShellResult result = shell(program + "replay " + testcases);
  INFO(result.out);
  CHECK(result.status == 0);
  CHECK(has(result.out, "qemu is /"));
  CHECK(has(result.out, "/qemu-system-"));
  CHECK(has(result.out, ", version "));
  CHECK(has(result.out, "  persistent with restart         passed    passed    passed\n"));
}

TEST_CASE("without a QEMU on PATH a replay says so, and --qemu names one elsewhere") {
  const TempDir empty;
  const std::string path = "PATH='" + empty.path().string() + "' ";
  const ShellResult none = shell(path + program + "replay " + testcases);
  INFO(none.out);
  CHECK(none.status == 0);
  CHECK(has(none.out, "no qemu-system-* was found on PATH"));
  CHECK(has(none.out, "  persistent with restart         passed    passed\n"));
  const std::string there = shell_ok("command -v qemu-system-x86_64");
  const std::string elsewhere = empty / "my-qemu";
  shell_ok("ln -s " + there.substr(0, there.find('\n')) + " '" + elsewhere + "'");
  const ShellResult named = shell(program + "replay --qemu '" + elsewhere + "' " + testcases);
  INFO(named.out);
  CHECK(named.status == 0);
  CHECK(has(named.out, "qemu is " + elsewhere + ", version "));
}

TEST_CASE("subjects that are named are taken exactly") {
  const ShellResult result = shell(program + "replay --subject model,engine " + testcases);
  INFO(result.out);
  CHECK(result.status == 0);
  CHECK_FALSE(has(result.out, "qemu"));
}

}  // namespace tests
