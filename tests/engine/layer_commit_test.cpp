// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/engine/block_world.h"
#include "tests/engine/units.h"

namespace tests {
namespace {

using nlohmann::json;
using Statuses = std::vector<std::string>;

/// Four layers a <- b <- c <- d, each with data of its own and a stored bitmap p.
struct Chain : BlockWorld {
  explicit Chain(std::uint64_t seed = 1) : BlockWorld(seed) {
    std::string below;
    for (const std::string name : {"a", "b", "c", "d"}) {
      const std::string format = below.empty() ? "" : "qcow2";
      create(name, {.size = {mib}, .backing_file = below, .backing_format = format});
      drive("drive0", name);
      qmp("block-dirty-bitmap-add", {{"node", "drive0"}, {"name", "p"}, {"persistent", true}});
      const std::uint64_t number = name[0] - 'a' + 1;
      const std::string command =
          "write -P " + std::to_string(number) + " " + std::to_string(number * 128) + "k 128k";
      REQUIRE(io("drive0", command) == "");
      qmp("block-dirty-bitmap-clear", {{"node", "drive0"}, {"name", "p"}});
      human("drive_del drive0");
      below = name;
    }
    plug();
  }
  void plug() { drive("drive0", "d", "node-name=top"); }
  void commit(json arguments) {
    arguments["device"] = "drive0";
    REQUIRE(qmp("block-commit", arguments) == json::object());
  }
  json job() { return qmp("query-block-jobs").at(0); }
  /// The files of the chain as the device shows them, and the name of the last one's node.
  json files() {
    json image = qmp("query-block")[0]["inserted"]["image"];
    json names = json::array({image["filename"]});
    while (image.contains("backing-image")) {
      image = image["backing-image"];
      names.push_back(image["filename"]);
    }
    return names;
  }
  json node_of(const std::string& file) {
    for (const json& node : qmp("query-named-block-nodes")) {
      if (node["file"] == file && node["drv"] == "qcow2") return node;
    }
    return nullptr;
  }
  json seen = json::parse(
      "[[0,131072,0],[131072,131072,1],[262144,131072,2],[393216,131072,3],[524288,131072,4],"
      "[655360,393216,0]]");
};

TEST_CASE_METHOD(Chain, "an intermediate commit brings a layer into a lower one (S76, S94)") {
  REQUIRE(contents("drive0") == seen);
  commit({{"top", "c"}, {"base", "a"}});
  const json completed = wait("BLOCK_JOB_COMPLETED")["data"];
  REQUIRE(completed["len"] == mib);
  REQUIRE(completed["offset"] == mib);
  settle();
  REQUIRE(statuses() == Statuses{"created", "running", "waiting", "pending", "concluded", "null"});
  REQUIRE(files() == json::parse(R"(["d","a"])"));
  REQUIRE(contents("drive0") == seen);
  const json base = node_of("a");
  REQUIRE(base["ro"] == true);
  REQUIRE(base["dirty-bitmaps"][0]["count"] == 262144);
  REQUIRE(dirty(base["node-name"], "p") == json::parse("[[262144,262144]]"));
  REQUIRE(dirty("drive0", "p") == json::array());
  REQUIRE(qmp("query-named-block-nodes").size() == 4);
  restart();
  plug();
  REQUIRE(files() == json::parse(R"(["d","a"])"));
  REQUIRE(contents("drive0") == seen);
  REQUIRE(node_of("a")["dirty-bitmaps"][0]["count"] == 262144);
}

TEST_CASE_METHOD(Chain, "a filter stands on the top while it is committed, and nowhere after") {
  commit({{"top", "b"}, {"base", "a"}, {"filter-node-name", "f"}, {"auto-finalize", false}});
  REQUIRE(wait("BLOCK_JOB_PENDING") != nullptr);
  REQUIRE(job()["paused"] == false);
  REQUIRE(files() == json::parse(R"(["d","c","b","b","a"])"));
  const json filter = node_of("b").is_null() ? json() : qmp("query-named-block-nodes")[0];
  REQUIRE(filter["node-name"] == "f");
  REQUIRE(filter["drv"] == "commit_top");
  REQUIRE(filter["ro"] == true);
  REQUIRE(io("drive0", "write -P 9 0 64k") == "");
  REQUIRE(qmp("block-commit", {{"device", "drive0"}, {"job-id", "j"}}) == "Need a root block node");
  REQUIRE(qmp("block_resize", {{"device", "drive0"}, {"size", 0}}) == "Device 'drive0' is in use");
  REQUIRE(qmp("job-finalize", {{"id", "drive0"}}) == json::object());
  REQUIRE(files() == json::parse(R"(["d","c","a"])"));
}

TEST_CASE_METHOD(Chain, "an active commit hides the top's bitmaps from the device's name") {
  qmp("block-dirty-bitmap-add", {{"node", "drive0"}, {"name", "t"}});
  commit({{"filter-node-name", "f"}});
  wait("BLOCK_JOB_READY");
  const json named{{"node", "drive0"}, {"name", "t"}};
  REQUIRE(qmp("block-dirty-bitmap-clear", named) == "Dirty bitmap 't' not found");
  REQUIRE(qmp("block-dirty-bitmap-clear", {{"node", "top"}, {"name", "t"}}) == json::object());
  REQUIRE(qmp("block-dirty-bitmap-add", named) == json::object());
  REQUIRE(io("drive0", "write 0 64k") == "");
  REQUIRE(dirty("top", "t") == json::parse("[[0,65536]]"));
  REQUIRE(dirty("f", "t") == json::parse("[[0,65536]]"));
  qmp("block-job-cancel", {{"device", "drive0"}});
  settle();
  REQUIRE(dirty("drive0", "t") == json::parse("[[0,65536]]"));
  REQUIRE(qmp("query-block")[0]["inserted"]["node-name"] == "top");
}

TEST_CASE_METHOD(Chain, "a cancelled intermediate commit leaves the chain as it was (S79)") {
  for (const bool pending : {false, true}) {
    CAPTURE(pending);
    commit({{"top", "c"}, {"base", "a"}, {"speed", pending ? 0 : 1}, {"auto-finalize", false}});
    if (pending) wait("BLOCK_JOB_PENDING");
    REQUIRE(qmp("block-job-cancel", {{"device", "drive0"}}) == json::object());
    REQUIRE(wait("BLOCK_JOB_CANCELLED") != nullptr);
    settle();
    REQUIRE(files() == json::parse(R"(["d","c","b","a"])"));
    REQUIRE(node_of("a")["ro"] == true);
    REQUIRE(contents("drive0") == seen);
  }
}

TEST_CASE_METHOD(Chain, "a base that cannot be written fails the commit (S79, S88)") {
  io("drive0", "read 0 1M");
  host().file("a")->successes_left = 12;
  const json request{{"device", "drive0"}, {"top", "c"}, {"base", "a"}};
  REQUIRE(qmp("block-commit", request) == json::object());
  REQUIRE(wait("BLOCK_JOB_COMPLETED")["data"]["error"] == "Input/output error");
  settle();
  host().file("a")->successes_left = ~0u;
  REQUIRE(files() == json::parse(R"(["d","c","b","a"])"));
}

TEST_CASE_METHOD(Chain, "an undismissed job keeps the nodes that it has emptied") {
  commit({{"top", "c"}, {"base", "a"}, {"auto-dismiss", false}});
  wait("BLOCK_JOB_COMPLETED");
  settle();
  REQUIRE(job()["status"] == "concluded");
  REQUIRE(node_of("b") != nullptr);
  REQUIRE(qmp("block-commit", {{"device", "drive0"}, {"job-id", "j"}}) == "Need a root block node");
  REQUIRE(qmp("job-dismiss", {{"id", "drive0"}}) == json::object());
  REQUIRE(node_of("b") == nullptr);
  commit({{"job-id", "j"}});
}

TEST_CASE_METHOD(Chain, "backing-file names the base in the overlay's header (S76)") {
  commit({{"top", "c"}, {"base", "b"}, {"backing-file", "./b"}});
  wait("BLOCK_JOB_COMPLETED");
  settle();
  REQUIRE(qmp("query-block")[0]["inserted"]["image"]["backing-filename"] == "./b");
  // The overlay's own name does not tell any more what it stands on.
  REQUIRE(files()[0] ==
          R"(json:{"backing": {"driver": "qcow2", "file": {"driver": "file", "filename": "b"}}, )"
          R"("driver": "qcow2", "file": {"driver": "file", "filename": "d"}})");
}

TEST_CASE("a short base grows in an intermediate commit, its bitmaps too (B85, S64)") {
  BlockWorld world;
  world.create("a", {.size = {mib}});
  world.create("b", {.size = {2 * mib}, .backing_file = "a", .backing_format = "qcow2"});
  world.create("c", {.size = {2 * mib}, .backing_file = "b", .backing_format = "qcow2"});
  world.drive("drive0", "b");
  world.io("drive0", "write -P 9 1900k 4k");
  world.human("drive_del drive0");
  world.drive("drive0", "c");
  const json before = world.contents("drive0");
  const json request{{"device", "drive0"}, {"top", "b"}, {"base", "a"}};
  REQUIRE(world.qmp("block-commit", request) == json::object());
  REQUIRE(world.wait("BLOCK_JOB_COMPLETED")["data"]["len"] == 2 * mib);
  world.settle();
  REQUIRE(world.contents("drive0") == before);
}

TEST_CASE("a process that dies in the middle of an intermediate commit leaves the same data") {
  for (unsigned turns = 0; turns < 120; turns += 5) {
    CAPTURE(turns);
    Chain world(turns + 1);
    world.commit({{"top", "c"}, {"base", "a"}});
    for (unsigned i = 0; i < turns; ++i) world.step();
    world.kill();
    world.plug();
    REQUIRE(world.contents("drive0") == world.seen);
  }
}

}  // namespace
}  // namespace tests
