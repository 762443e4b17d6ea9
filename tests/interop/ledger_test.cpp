// SPDX-License-Identifier: MIT
// The ledger of known faults before the real QEMU that has them.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/shell.h"
#include "tests/temp_dir.h"
#include "tests/text.h"

namespace tests {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path source = SOURCE_DIR;

/// A project that holds the scenarios of known faults only.
class Project {
 public:
  Project() {
    fs::create_directories(root_.path() / "scenarios");
    fs::create_directories(root_.path() / "golden");
    fs::copy(source / "scenarios/known", root_.path() / "scenarios/known");
    fs::copy(source / "golden/known", root_.path() / "golden/known");
  }
  json ledger() const { return json::parse(std::ifstream(path())); }
  void write_ledger(const json& ledger) const { std::ofstream(path()) << ledger; }

  ShellResult replay(const std::string& options = "") const {
    return shell("BLOCKTWIN_ROOT='" + root_.path().string() + "' '" + BLOCKTWIN + "' replay " +
                 options);
  }
  ShellResult replay_merge() const {
    return replay(root_ / "scenarios/known/merge-empty-list.scenario");
  }

 private:
  std::string path() const { return root_ / "scenarios/known/ledger.json"; }

  TempDir root_;
};

}  // namespace

TEST_CASE("known faults of the real QEMU are told and do no harm") {
  const ShellResult result = Project().replay();
  INFO(result.out);
  CHECK(result.status == 0);
  CHECK(has(result.out, "qemu is "));
  CHECK(has(result.out, "known divergence L1: "));
  CHECK(has(result.out, "(died of SIGSEGV)"));
  CHECK(has(result.out, "all agree but for known divergences: "));
}

TEST_CASE("without its entry the crash is a difference: signal and last command") {
  const Project project;
  project.write_ledger({{"faults", json::array()}});
  const ShellResult result = project.replay_merge();
  INFO(result.out);
  CHECK(result.status == 1);
  CHECK(has(result.out, "merge-empty-list.scenario:"));
  CHECK(has(result.out, "block-dirty-bitmap-merge"));
  CHECK(has(result.out, "was killed by signal 11"));
  CHECK(has(result.out, "model and engine agree against qemu"));
}

TEST_CASE("an entry of a version that should be mended excuses nothing") {
  const Project project;
  json ledger = project.ledger();
  ledger["faults"][0]["fixed"] = "7.2";
  project.write_ledger(ledger);
  CHECK(project.replay_merge().status == 1);
}

TEST_CASE("an entry that its scenario no longer shows is told") {
  const Project project;
  json ledger = project.ledger();
  json& entry = ledger["faults"][0];
  entry["id"] = "L0";
  entry["request"] = {{"execute", "block-dirty-bitmap-remove"}};
  ledger["faults"].push_back(project.ledger()["faults"][0]);
  project.write_ledger(ledger);
  const ShellResult result = project.replay_merge();
  INFO(result.out);
  CHECK(result.status == 0);
  CHECK(has(result.out, "L0 no longer occurs on qemu "));
}

TEST_CASE("a malformed ledger ends a replay with its place") {
  const Project project;
  project.write_ledger({{"faults", {{{"id", "L1"}}}}});
  const ShellResult result = project.replay_merge();
  INFO(result.out);
  CHECK(result.status == 2);
  CHECK(has(result.out, "ledger.json: L1: expected a text for \"title\", found nothing"));
}

}  // namespace tests
