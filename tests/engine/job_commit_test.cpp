// SPDX-License-Identifier: MIT
#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/engine/block_world.h"
#include "tests/engine/units.h"

namespace tests {
namespace {

using nlohmann::json;
using Statuses = std::vector<std::string>;

/// A drive with an overlay over a base that has a transient and a persistent bitmap.
struct Overlay : BlockWorld {
  explicit Overlay(std::uint64_t seed = 1) : BlockWorld(seed) {
    create("base", {.size = {4 * mib}});
    drive("drive0", "base", "node-name=n0");
    qmp("block-dirty-bitmap-add", {{"node", "drive0"}, {"name", "t"}});
    qmp("block-dirty-bitmap-add", {{"node", "drive0"}, {"name", "p"}, {"persistent", true}});
    const json snapshot{{"device", "drive0"}, {"snapshot-file", "top"}};
    REQUIRE(qmp("blockdev-snapshot-sync", snapshot) == json::object());
  }
  void commit(json arguments = json::object()) {
    arguments["device"] = "drive0";
    REQUIRE(qmp("block-commit", arguments) == json::object());
  }
  void complete() { REQUIRE(qmp("block-job-complete", {{"device", "drive0"}}) == json::object()); }
  json job() { return qmp("query-block-jobs").at(0); }
};

TEST_CASE_METHOD(Overlay, "an active commit brings data and bits to the base (S75, S77)") {
  REQUIRE(io("drive0", "write -P 7 64k 64k") == "");
  commit();
  const json ready = wait("BLOCK_JOB_READY")["data"];
  REQUIRE(ready == json{{"device", "drive0"},
                        {"type", "commit"},
                        {"len", 65536},
                        {"offset", 65536},
                        {"speed", 0}});
  complete();
  REQUIRE(wait("BLOCK_JOB_COMPLETED")["data"]["offset"] == 65536);
  settle();
  REQUIRE(statuses() ==
          Statuses{"created", "running", "ready", "waiting", "pending", "concluded", "null"});
  REQUIRE(bitmap("drive0", "t")["count"] == 65536);
  REQUIRE(bitmap("drive0", "p")["count"] == 65536);
  REQUIRE(dirty("drive0", "p") == json::parse("[[65536,65536]]"));
  REQUIRE(qmp("query-named-block-nodes").size() == 2);
  REQUIRE(io("drive0", "write 0 512") == "");
  REQUIRE(bitmap("drive0", "p")["count"] == 131072);
}

TEST_CASE_METHOD(Overlay, "an empty overlay has nothing to copy (S92)") {
  commit();
  REQUIRE(wait("BLOCK_JOB_READY")["data"]["len"] == 0);
}

TEST_CASE_METHOD(Overlay, "what the guest writes after READY is copied too (S80)") {
  commit();
  wait("BLOCK_JOB_READY");
  REQUIRE(io("drive0", "write -P 3 1M 10k") == "");
  settle();
  REQUIRE(job()["offset"] == 65536);
  REQUIRE(job()["len"] == 65536);
  complete();
  wait("BLOCK_JOB_COMPLETED");
  REQUIRE(contents("drive0")[1] == json::parse("[1048576,10240,3]"));
}

/// What the guest has written, byte by byte, beside the engine.
struct Guest {
  explicit Guest(Overlay& world) : world_(world), bytes_(4 * mib) {}

  void write(std::uint64_t offset, std::uint64_t length) {
    ++value_;
    REQUIRE(world_.io("drive0", "write -P " + std::to_string(value_) + " " +
                                    std::to_string(offset) + " " + std::to_string(length)) == "");
    std::fill_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), length, value_);
  }
  /// Runs of equal bytes, as contents() has them.
  json runs() const {
    json all = json::array();
    for (std::size_t start = 0; start < bytes_.size();) {
      std::size_t end = start;
      while (end < bytes_.size() && bytes_[end] == bytes_[start]) ++end;
      all.push_back({start, end - start, bytes_[start]});
      start = end;
    }
    return all;
  }

 private:
  Overlay& world_;
  std::vector<std::uint8_t> bytes_;
  std::uint8_t value_ = 0;
};

TEST_CASE("guest writes at any moment of a commit are in the base at its end", "[slow]") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Overlay world(seed);
    Guest guest(world);
    guest.write(0, 3 * mib);
    world.commit();
    for (std::uint64_t i = 0; i < 20; ++i) {
      for (std::uint64_t turns = (seed + i) % 4; turns > 0; --turns) world.step();
      guest.write((seed * 7 + i * 5) % 38 * 100'000, 90'000);
    }
    REQUIRE(world.wait("BLOCK_JOB_READY") != nullptr);
    guest.write(500'000, mib);
    world.complete();
    guest.write(100, 10);
    REQUIRE(world.wait("BLOCK_JOB_COMPLETED") != nullptr);
    REQUIRE(world.contents("drive0") == guest.runs());
    world.restart();
    world.drive("drive0", "base");
    REQUIRE(world.contents("drive0") == guest.runs());
  }
}

TEST_CASE("beyond the end of a short middle layer there are zeros, and they are committed (S77)") {
  BlockWorld world;
  world.create("base", {.size = {4 * mib}});
  world.create("mid", {.size = {mib}, .backing_file = "base", .backing_format = "qcow2"});
  world.create("top", {.size = {4 * mib}, .backing_file = "mid", .backing_format = "qcow2"});
  world.drive("drive0", "base");
  world.io("drive0", "write -P 5 0 4M");
  world.human("drive_del drive0");
  world.drive("drive0", "top");
  const json seen = json::parse("[[0,1048576,5],[1048576,3145728,0]]");
  REQUIRE(world.contents("drive0") == seen);
  world.qmp("block-commit", {{"device", "drive0"}});
  REQUIRE(world.wait("BLOCK_JOB_READY")["data"]["len"] == 3 * mib);
  world.qmp("block-job-complete", {{"device", "drive0"}});
  REQUIRE(world.wait("BLOCK_JOB_COMPLETED") != nullptr);
  REQUIRE(world.qmp("query-block")[0]["inserted"]["file"] == "base");
  REQUIRE(world.contents("drive0") == seen);
}

TEST_CASE_METHOD(Overlay, "a soft cancel after READY ends well without a pivot (S89)") {
  io("drive0", "write -P 7 0 64k");
  commit();
  wait("BLOCK_JOB_READY");
  REQUIRE(qmp("block-job-cancel", {{"device", "drive0"}}) == json::object());
  REQUIRE(wait("BLOCK_JOB_COMPLETED") != nullptr);
  settle();
  REQUIRE(qmp("query-block")[0]["inserted"]["file"] == "top");
  REQUIRE(contents("n0")[0] == json::parse("[0,65536,7]"));
}

TEST_CASE_METHOD(Overlay, "a cancel before READY, and a forced one after, are CANCELLED (S89)") {
  io("drive0", "write 0 4M");
  commit({{"speed", 65536}});
  REQUIRE(qmp("block-job-cancel", {{"device", "drive0"}}) == json::object());
  REQUIRE(wait("BLOCK_JOB_CANCELLED") != nullptr);
  settle();
  REQUIRE(statuses() == Statuses{"created", "running", "aborting", "concluded", "null"});
  commit();
  wait("BLOCK_JOB_READY");
  qmp("block-job-cancel", {{"device", "drive0"}, {"force", true}});
  REQUIRE(wait("BLOCK_JOB_CANCELLED") != nullptr);
  settle();
  REQUIRE(qmp("query-block")[0]["inserted"]["file"] == "top");
}

TEST_CASE_METHOD(Overlay, "the rate limit holds in the runtime's time") {
  io("drive0", "write 0 4M");
  commit({{"speed", mib}});
  wait("BLOCK_JOB_READY");
  const json ready = wait("BLOCK_JOB_READY");
  REQUIRE(ready == nullptr);
  complete();
  REQUIRE(wait("BLOCK_JOB_COMPLETED")["timestamp"]["seconds"] >= 4);
}

TEST_CASE_METHOD(Overlay, "a paused job rests until it is resumed (S84)") {
  commit();
  wait("BLOCK_JOB_READY");
  REQUIRE(qmp("block-job-resume", {{"device", "drive0"}}) ==
          "Can't resume a job that was not paused");
  REQUIRE(qmp("block-job-pause", {{"device", "drive0"}}) == json::object());
  REQUIRE(qmp("block-job-pause", {{"device", "drive0"}}) == "Job is already paused");
  REQUIRE(job()["status"] == "standby");
  REQUIRE(qmp("block-job-cancel", {{"device", "drive0"}}) ==
          "The block job for device 'drive0' is currently paused");
  complete();
  REQUIRE(wait("BLOCK_JOB_COMPLETED") == nullptr);
  REQUIRE(qmp("block-job-resume", {{"device", "drive0"}}) == json::object());
  REQUIRE(wait("BLOCK_JOB_COMPLETED") != nullptr);
}

TEST_CASE_METHOD(Overlay, "an unfinalized job stays pending, an undismissed one concluded (S87)") {
  commit({{"auto-finalize", false}, {"auto-dismiss", false}});
  wait("BLOCK_JOB_READY");
  complete();
  REQUIRE(wait("BLOCK_JOB_PENDING")["data"] == json{{"type", "commit"}, {"id", "drive0"}});
  REQUIRE(job()["status"] == "pending");
  REQUIRE(qmp("block-job-finalize", {{"id", "drive0"}}) == json::object());
  REQUIRE(wait("BLOCK_JOB_COMPLETED") != nullptr);
  settle();
  REQUIRE(job()["status"] == "concluded");
  REQUIRE(qmp("block-job-dismiss", {{"id", "drive0"}}) == json::object());
  REQUIRE(qmp("query-block-jobs") == json::array());
}

TEST_CASE_METHOD(Overlay, "a drain waits for writes that a pending job held (M66)") {
  commit({{"auto-finalize", false}});
  wait("BLOCK_JOB_READY");
  complete();
  wait("BLOCK_JOB_PENDING");
  REQUIRE(io("drive0", "aio_write -P 9 0 64k") == "");
  REQUIRE(io("drive0", "aio_write -z 64k 64k") == "");
  REQUIRE(qmp("block-job-cancel", {{"device", "drive0"}}) == json::object());
  const json snapshot{{"device", "drive0"}, {"snapshot-file", "next"}};
  REQUIRE(qmp("blockdev-snapshot-sync", snapshot) == json::object());
  REQUIRE(contents("drive0") == json::parse("[[0,65536,9],[65536,4128768,0]]"));
  restart();
  drive("drive1", "top");
  REQUIRE(contents("drive1") == json::parse("[[0,65536,9],[65536,4128768,0]]"));
}

TEST_CASE_METHOD(Overlay, "what a pending job holds back keeps nobody else waiting (M66)") {
  create("other", {.size = {mib}});
  drive("drive1", "other");
  commit({{"auto-finalize", false}});
  wait("BLOCK_JOB_READY");
  complete();
  wait("BLOCK_JOB_PENDING");
  REQUIRE(io("drive0", "aio_write -P 9 0 64k") == "");
  REQUIRE(io("drive1", "aio_write -P 8 0 64k") == "");
  REQUIRE(io("drive1", "aio_flush") == "");
  REQUIRE(contents("drive1").at(0) == json::parse("[0,65536,8]"));
  REQUIRE(human("drive_del drive1") == "");
  REQUIRE(qmp("job-finalize", {{"id", "drive0"}}) == json::object());
  settle();
  REQUIRE(contents("drive0").at(0) == json::parse("[0,65536,9]"));
}

TEST_CASE_METHOD(Overlay, "verbs are refused by state, unknown jobs by class (S81, S82)") {
  io("drive0", "write 0 4M");
  commit({{"speed", 1}});
  REQUIRE(qmp("block-job-complete", {{"device", "drive0"}}) ==
          "Job 'drive0' in state 'running' cannot accept command verb 'complete'");
  REQUIRE(qmp("job-finalize", {{"id", "drive0"}}) ==
          "Job 'drive0' in state 'running' cannot accept command verb 'finalize'");
  const json unknown{{"execute", "block-job-cancel"}, {"arguments", {{"device", "x"}}}};
  REQUIRE(execute(unknown)["error"] ==
          json{{"class", "DeviceNotActive"}, {"desc", "Block job 'x' not found"}});
  REQUIRE(qmp("job-cancel", {{"id", "x"}}) == "Job not found");
}

TEST_CASE_METHOD(Overlay, "the chain of a job is busy (S80)") {
  commit();
  wait("BLOCK_JOB_READY");
  const std::string busy = "is busy: block device is in use by block job: commit";
  REQUIRE(qmp("blockdev-snapshot-sync", {{"device", "drive0"}, {"snapshot-file", "x"}}) ==
          "Node 'drive0' " + busy);
  REQUIRE(human("drive_del drive0") == "Node 'drive0' " + busy + "\r\n");
  REQUIRE(qmp("block-commit", {{"device", "drive0"}}) == "Need a root block node");
}

TEST_CASE_METHOD(Overlay, "a failing base fails the job (S88)") {
  io("drive0", "write 0 64k");
  host().file("base")->successes_left = 20;
  commit();
  json completed = wait("BLOCK_JOB_COMPLETED");
  while (completed == nullptr) {
    io("drive0", "write 0 64k");
    completed = wait("BLOCK_JOB_COMPLETED");
  }
  REQUIRE(completed["data"]["error"] == "Input/output error");
}

TEST_CASE("a short base grows before it is committed into (B85)") {
  BlockWorld world;
  world.create("base", {.size = {mib}});
  world.create("top", {.size = {2 * mib}, .backing_file = "base", .backing_format = "qcow2"});
  world.drive("drive0", "top");
  world.io("drive0", "write -P 9 1900k 4k");
  world.qmp("block-commit", {{"device", "drive0"}});
  world.wait("BLOCK_JOB_READY");
  world.qmp("block-job-complete", {{"device", "drive0"}});
  world.wait("BLOCK_JOB_COMPLETED");
  world.settle();
  const json inserted = world.qmp("query-block")[0]["inserted"];
  REQUIRE(inserted["file"] == "base");
  REQUIRE(inserted["image"]["virtual-size"] == 2 * mib);
  REQUIRE(world.contents("drive0")[1] == json::parse("[1945600,4096,9]"));
}

TEST_CASE("a process that dies in the middle of a commit leaves a readable chain (S51)") {
  for (unsigned turns = 0; turns < 60; turns += 3) {
    Overlay world(turns + 1);
    world.io("drive0", "write -P 1 0 3M");
    world.io("drive0", "flush");
    world.commit();
    for (unsigned i = 0; i < turns; ++i) world.step();
    world.kill();
    world.drive("drive0", "top");
    REQUIRE(world.contents("drive0") == json::parse("[[0,3145728,1],[3145728,1048576,0]]"));
  }
}

}  // namespace
}  // namespace tests
