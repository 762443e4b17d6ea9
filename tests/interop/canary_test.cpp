// SPDX-License-Identifier: MIT
// A wrong answer must be caught: in the engine, in the model, in a golden.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/catch.h"
#include "tests/shell.h"
#include "tests/temp_dir.h"

namespace tests {
namespace {

namespace fs = std::filesystem;

ShellResult replay(const std::string& program, const std::string& root, const std::string& path) {
  return shell("BLOCKTWIN_ROOT='" + root + "' '" + program + "' replay --subject model,engine '" +
               root + "/" + path + "'");
}

}  // namespace

TEST_CASE("an engine whose merge loses a bit is caught") {
  const ShellResult result = replay(std::string(MUTANTS) + "/mutant_canary-merge-loses-a-bit",
                                    SOURCE_DIR, "scenarios/bitmaps/merge.scenario");
  INFO(result.out);
  CHECK(result.status == 1);
  CHECK(mentions(result.out, "merge.scenario:"));
  CHECK(mentions(result.out, "engine"));
  CHECK(mentions(result.out, "under-dirty"));
}

TEST_CASE("a model that bends a rule is caught") {
  const ShellResult result = replay(std::string(MUTANTS) + "/mutant_canary-model-forgets-the-tail",
                                    SOURCE_DIR, "scenarios/bitmaps");
  INFO(result.out);
  CHECK(result.status == 1);
  CHECK(mentions(result.out, ".scenario:"));
  CHECK(mentions(result.out, "model"));
  CHECK(mentions(result.out, "engine"));
}

TEST_CASE("random runs find an engine whose merge loses a bit, and tell it in few lines") {
  const TempDir found;
  const std::string mutant = std::string(MUTANTS) + "/mutant_canary-merge-loses-a-bit";
  const ShellResult result = shell("'" + mutant + "' fuzz --profile bitmaps --runs 400 --out '" +
                                   found.path().string() + "'");
  INFO(result.out);
  CHECK(result.status == 1);
  unsigned merges = 0;
  for (const auto& entry : fs::directory_iterator(found.path())) {
    const std::string story = text_of(entry.path());
    if (!mentions(story, "block-dirty-bitmap-merge") || !mentions(story, "under-dirty")) continue;
    ++merges;
    const std::string name = entry.path().filename().string();
    CHECK(std::count(story.begin(), story.end(), '\n') < 20);
    CHECK(replay(mutant, found.path().string(), name).status == 1);
    CHECK(replay(BLOCKTWIN, found.path().string(), name).status == 0);
  }
  CHECK(merges >= 1);
}

TEST_CASE("a golden with one wrong line is caught") {
  const TempDir root;
  const std::string story = "testcases/snapshot-commit";
  fs::create_directories(root.path() / "scenarios/testcases");
  fs::create_directories(root.path() / "golden/testcases");
  fs::copy(fs::path(SOURCE_DIR) / "scenarios" / (story + ".scenario"),
           root.path() / "scenarios" / (story + ".scenario"));
  std::string golden = text_of(fs::path(SOURCE_DIR) / "golden" / (story + ".txt"));
  const std::size_t at = golden.find("dirty-clusters=2");
  REQUIRE(at != std::string::npos);
  golden[at + 15] = '1';
  std::ofstream(root.path() / "golden" / (story + ".txt")) << golden;
  const ShellResult result = replay(BLOCKTWIN, root.path().string(), "scenarios");
  INFO(result.out);
  CHECK(result.status == 1);
  CHECK(mentions(result.out, "golden"));
  CHECK(mentions(result.out, "snapshot-commit.scenario:"));
  CHECK(mentions(result.out, "dirty-clusters=2"));
}

}  // namespace tests
