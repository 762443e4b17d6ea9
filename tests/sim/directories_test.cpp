// SPDX-License-Identifier: MIT
// Directories of runs: what a killed one leaves goes, and no two work in the same.
#include <fcntl.h>
#include <sys/file.h>

#include <filesystem>

#include "sim/child.h"
#include "sim/temporary_directory.h"
#include "sim/usage_error.h"
#include "sim/workspace.h"
#include "tests/catch.h"
#include "tests/sim/fake_qemu.h"
#include "tests/temp_dir.h"
#include "tests/text.h"

namespace fs = std::filesystem;

TEST_CASE("what a killed run left is collected, and what is in use stays") {
  const tests::TempDir parent;
  for (const char* name : {"blocktwin.aaaaaa", "blocktwin.bbbbbb", "other.aaaaaa"}) {
    fs::create_directories(parent.path() / name / "inside");
  }
  const sim::Descriptor used(open((parent / "blocktwin.bbbbbb").c_str(), O_RDONLY | O_DIRECTORY));
  REQUIRE(flock(used.number(), LOCK_EX | LOCK_NB) == 0);
  std::string mine;
  {
    const sim::TemporaryDirectory directory(parent.path().string());
    mine = directory.path();
    CHECK(fs::is_directory(mine));
    CHECK_FALSE(fs::exists(parent / "blocktwin.aaaaaa"));
    CHECK(fs::exists(parent / "blocktwin.bbbbbb/inside"));
    CHECK(fs::exists(parent / "other.aaaaaa"));
    const sim::Descriptor other(open(mine.c_str(), O_RDONLY | O_DIRECTORY));
    CHECK(flock(other.number(), LOCK_EX | LOCK_NB) != 0);
  }
  CHECK_FALSE(fs::exists(mine));
}

TEST_CASE("two runs do not work in one directory") {
  const tests::FakeQemus programs;
  const std::string directory = programs.directory() / "images";
  const std::string again =
      "replay --subject model,engine --storage files --dir '" + directory + "' " + tests::testcases;
  {
    const sim::DirectoryLock lock(directory);
    CHECK_THROWS_AS(sim::DirectoryLock(directory), sim::UsageError);
    const tests::ShellResult refused = programs.run(again);
    INFO(refused.out);
    CHECK(refused.status == 2);
    CHECK(tests::has(refused.out, "images: another run of blocktwin works there\n"));
  }
  const tests::ShellResult result = programs.run(again);
  INFO(result.out);
  CHECK(result.status == 0);
}
