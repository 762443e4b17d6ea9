// SPDX-License-Identifier: MIT
// A run is a function of commit and seed: not of the time, of where things lie in memory, or of
// what memory held before.
#include "tests/catch.h"
#include "tests/shell.h"
#include "tests/temp_dir.h"

namespace {

/// What fuzz tells in a process of its own; `before` sets up its surroundings.
std::string told(const std::string& before) {
  const tests::TempDir directory;
  const tests::ShellResult result =
      tests::shell("cd " + directory.path().string() + " && " + before + " BLOCKTWIN_ROOT='" +
                   SOURCE_DIR + "' '" + BLOCKTWIN + "' fuzz --json --runs 60 --trials 40");
  CHECK(result.status < 2);
  return result.out;
}

}  // namespace

TEST_CASE("seeds tell the same in every process") {
  const std::string once = told("env");
  CHECK(once.find("\"statistics\"") != std::string::npos);
  CHECK(once == told("env"));
  INFO("memory that is not clean when it is taken, nor when it is given back");
  CHECK(once == told("env MALLOC_PERTURB_=165"));
  INFO("everything lies elsewhere");
  CHECK(once ==
        told("env MALLOC_ARENA_TEST=1 MALLOC_TOP_PAD_=12345 LARGE=" + std::string(5000, 'x')));
  INFO("addresses that are the same each time");
  CHECK(once == told("setarch -R env"));
  INFO("another day, another language");
  CHECK(once == told("env TZ=Asia/Kathmandu LC_ALL=C.UTF-8 LANG=C.UTF-8"));
}
