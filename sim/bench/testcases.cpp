// SPDX-License-Identifier: MIT
#include "sim/bench/contests.h"

namespace sim::bench {
namespace {

/// A process of our own program that replays the documented testcases on one subject.
double replay_seconds(const Setting& setting, const std::vector<std::string>& options) {
  std::vector<std::string> command = {
      "/proc/self/exe", "transcript",
      setting.root + "/scenarios/testcases/snapshot-commit.scenario"};
  command.insert(command.end(), options.begin(), options.end());
  // Both sides on one file system; the files of the run before are made anew.
  command.insert(command.end(), {"--dir", setting.workspace / "testcases"});
  return seconds_of([&] { tool_output(command); });
}

Contest contest(const Setting& setting, const std::string& storage, double wanted) {
  return {"testcases-" + storage,
          "the three testcases, engine on " + storage,
          "process",
          1,
          wanted,
          [=] {
            return replay_seconds(setting, {"--subject", "engine", "--storage", storage});
          },
          [=] {
            return replay_seconds(setting, {"--subject", "qemu", "--qemu", setting.qemu});
          }};
}

}  // namespace

std::vector<Contest> testcase_contests(const Setting& setting) {
  return {contest(setting, "sim", 50), contest(setting, "files", 10)};
}

}  // namespace sim::bench
