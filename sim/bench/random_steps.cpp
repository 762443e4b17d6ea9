// SPDX-License-Identifier: MIT
#include "sim/bench/random_steps.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace sim::bench {

using nlohmann::json;

RandomSteps::RandomSteps(std::uint64_t seed, Restarts restarts)
    : choice_(seed), restarts_(restarts) {
  const std::string base = "TEST_DIR/PID-base";
  planned_.push_back(CreateStep{{{"file", base}, {"size", "4M"}, {"format", "qcow2"}}});
  plug(base);
}

Step RandomSteps::next() {
  while (planned_.empty()) plan();
  Step step;
  step.action = std::move(planned_.front());
  planned_.erase(planned_.begin());
  return step;
}

void RandomSteps::plug(const std::string& file) {
  active_ = file;
  planned_.push_back(DriveStep{{{"id", "drive0"}, {"file", file}, {"format", "qcow2"}}});
}

void RandomSteps::qmp(const std::string& command, json arguments) {
  QmpStep step;
  step.request["execute"] = command;
  step.request["arguments"] = std::move(arguments);
  planned_.push_back(std::move(step));
}

void RandomSteps::plan() {
  const std::uint64_t dice = choice_.pick(100);
  if (dice < 65) return write();
  if (dice < 93) return bitmap_command();
  if (dice < 97) return qmp("query-block", json::object());
  if (dice < 98) return snapshot_and_commit();
  if (restarts_ == Restarts::now_and_then) restart();
}

void RandomSteps::restart() {
  planned_.push_back(StopStep{Stop::clean});
  plug(active_);
}

void RandomSteps::write() {
  const std::uint64_t length = 512 * (1 + choice_.pick(32));
  const std::uint64_t offset = 512 * choice_.pick(8192 - 32);
  const std::uint64_t pattern = 1 + choice_.pick(255);
  planned_.push_back(
      IoStep{"drive0", fmt::format(FMT_COMPILE("write -P {} {} {}"), pattern, offset, length)});
}

std::string RandomSteps::bitmap_name() { return "b" + std::to_string(choice_.pick(4)); }

void RandomSteps::bitmap_command() {
  static const std::vector<std::string> plain = {"remove", "clear", "enable", "disable"};
  const std::string name = bitmap_name();
  const std::uint64_t which = choice_.pick(plain.size() + 3);
  json arguments;
  arguments["node"] = "drive0";
  if (which == plain.size()) {
    arguments["target"] = name;
    arguments["bitmaps"].push_back(bitmap_name());
    return qmp("block-dirty-bitmap-merge", std::move(arguments));
  }
  arguments["name"] = name;
  if (which < plain.size()) return qmp("block-dirty-bitmap-" + plain[which], std::move(arguments));
  arguments["persistent"] = choice_.pick(2) == 0;
  arguments["granularity"] = std::uint64_t{512} << choice_.pick(10);
  qmp("block-dirty-bitmap-add", std::move(arguments));
}

void RandomSteps::snapshot_and_commit() {
  const std::string overlay = fmt::format("TEST_DIR/PID-{}", overlays_++);
  qmp("blockdev-snapshot-sync",
      {{"device", "drive0"}, {"snapshot-file", overlay}, {"format", "qcow2"}});
  write();
  qmp("block-commit", {{"device", "drive0"}});
  planned_.push_back(WaitStep{"BLOCK_JOB_READY"});
  qmp("block-job-complete", {{"device", "drive0"}});
  planned_.push_back(WaitStep{"BLOCK_JOB_COMPLETED"});
}

}  // namespace sim::bench
