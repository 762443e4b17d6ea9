// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/engine/block_world.h"
#include "tests/engine/units.h"

namespace tests {
namespace {

using nlohmann::json;

/// What a client may say while a job is on its way to its end; HMP's are told by "!".
const std::vector<std::pair<std::string, json>>& commands() {
  static const json job{{"device", "drive0"}};
  static const json id{{"id", "drive0"}};
  static const std::vector<std::pair<std::string, json>> all{
      {"quit", json::object()},
      {"block-job-complete", job},
      {"block-job-cancel", job},
      {"block-job-cancel", {{"device", "drive0"}, {"force", true}}},
      {"block-job-pause", job},
      {"block-job-resume", job},
      {"block-job-set-speed", {{"device", "drive0"}, {"speed", 1000000}}},
      {"block-job-finalize", id},
      {"block-job-dismiss", id},
      {"job-complete", id},
      {"job-cancel", id},
      {"job-pause", id},
      {"job-dismiss", id},
      {"query-block-jobs", json::object()},
      {"query-jobs", json::object()},
      {"query-block", json::object()},
      {"query-named-block-nodes", json::object()},
      {"block-commit", job},
      {"block_resize", {{"node-name", "top"}, {"size", 8 * mib}}},
      {"block_resize", {{"device", "drive0"}, {"size", 8 * mib}}},
      {"blockdev-snapshot-sync", {{"device", "drive0"}, {"snapshot-file", "next"}}},
      {"blockdev-snapshot", {{"node", "drive0"}, {"overlay", "spare"}}},
      {"blockdev-del", {{"node-name", "top"}}},
      {"blockdev-del", {{"node-name", "middle"}}},
      {"block-dirty-bitmap-add", {{"node", "top"}, {"name", "n"}, {"persistent", true}}},
      {"block-dirty-bitmap-clear", {{"node", "top"}, {"name", "t"}}},
      {"block-dirty-bitmap-remove", {{"node", "top"}, {"name", "t"}}},
      {"block-dirty-bitmap-remove", {{"node", "middle"}, {"name", "m"}}},
      {"block-dirty-bitmap-remove", {{"node", "base"}, {"name", "b"}}},
      {"! drive_del drive0", nullptr},
      {"! drive_add 0 if=none,id=other,file=top,format=qcow2,read-only=on", nullptr},
      {"! qemu-io top \"write 0 64k\"", nullptr},
      {"! qemu-io middle \"read 0 64k\"", nullptr},
      {"! qemu-io drive0 \"aio_write 0 64k\"", nullptr},
      {"! qemu-io drive0 \"write -z 1k 1k\"", nullptr},
  };
  return all;
}

/// Three layers with a stored bitmap each, data in the upper two, and a commit into the base.
struct ThreeLayers : BlockWorld {
  explicit ThreeLayers(std::uint64_t seed) : BlockWorld(seed) {
    for (const char* file : {"base", "spare"}) create(file, {.size = {mib}});
    drive("drive0", "base", "node-name=base");
    bitmap_on("base", "b");
    overlay("middle");
    bitmap_on("middle", "m");
    REQUIRE(io("drive0", "write -P 1 0 64k") == "");
    overlay("top");
    bitmap_on("top", "t");
    REQUIRE(io("drive0", "write -P 2 512k 64k") == "");
    const json spare{{"driver", "qcow2"},
                     {"node-name", "spare"},
                     {"backing", nullptr},
                     {"file", {{"driver", "file"}, {"filename", "spare"}}}};
    REQUIRE(qmp("blockdev-add", spare) == json::object());
  }

  void bitmap_on(const std::string& node, const std::string& name) {
    const json arguments{{"node", node}, {"name", name}, {"persistent", true}};
    REQUIRE(qmp("block-dirty-bitmap-add", arguments) == json::object());
  }
  void overlay(const std::string& name) {
    const json arguments{
        {"device", "drive0"}, {"snapshot-file", name}, {"snapshot-node-name", name}};
    const json named = qmp("blockdev-snapshot-sync", arguments);
    REQUIRE(named == json::object());
  }
  bool job_is_over() {
    for (const std::string& status : statuses()) {
      if (status == "null") over_ = true;
    }
    return over_;
  }
  /// Any answer is right; that there is one, and that nobody touches what is gone, is the point.
  void say(const std::string& command, const json& arguments) {
    if (command.starts_with("! ")) {
      unwrapped(command.substr(2));
    } else {
      execute({{"execute", command}, {"arguments", arguments}});
    }
  }

 private:
  bool over_ = false;
};

/// Has every command come at every moment between `start` and the end of the job.
template <class Start>
void meet_every_command(const Start& start) {
  for (const auto& [command, arguments] : commands()) {
    for (unsigned events = 0, over = 0; over == 0; ++events) {
      ThreeLayers world(events + 1);
      start(world);
      for (unsigned i = 0; i < events && over == 0; ++i) over = world.step() ? 0 : 1;
      if (world.job_is_over()) over = 1;
      INFO(command << " " << arguments << " after " << events << " events");
      world.say(command, arguments);
      if (command == "quit") continue;
      world.say("block-job-cancel", {{"device", "drive0"}, {"force", true}});
      world.settle();
      CHECK(world.qmp("query-block-jobs") == json::array());
      world.restart();
    }
  }
}

TEST_CASE("any command may come while a commit of the active layer ends (S75)") {
  meet_every_command([](ThreeLayers& world) {
    REQUIRE(world.qmp("block-commit", {{"device", "drive0"}}) == json::object());
    REQUIRE(world.wait("BLOCK_JOB_READY") != nullptr);
    REQUIRE(world.qmp("block-job-complete", {{"device", "drive0"}}) == json::object());
  });
}

TEST_CASE("any command may come while a commit of the active layer is given up (S89)") {
  meet_every_command([](ThreeLayers& world) {
    REQUIRE(world.qmp("block-commit", {{"device", "drive0"}}) == json::object());
    const json cancel{{"device", "drive0"}, {"force", true}};
    REQUIRE(world.qmp("block-job-cancel", cancel) == json::object());
  });
}

TEST_CASE("any command may come while a commit below the active layer runs (S76)") {
  meet_every_command([](ThreeLayers& world) {
    const json commit{{"device", "drive0"}, {"top-node", "middle"}};
    REQUIRE(world.qmp("block-commit", commit) == json::object());
  });
}

}  // namespace
}  // namespace tests
