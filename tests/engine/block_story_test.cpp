// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/engine/block_world.h"
#include "tests/engine/units.h"

namespace tests {
namespace {

using nlohmann::json;

/// One drive over an empty megabyte, with a bitmap.
struct OneDrive : BlockWorld {
  OneDrive() {
    create("base", {.size = {mib}});
    drive("drive0", "base", "node-name=n0,discard=unmap");
  }
  void add(const std::string& name, const json& more = json::object()) {
    json arguments{{"node", "drive0"}, {"name", name}};
    arguments.update(more);
    REQUIRE(qmp("block-dirty-bitmap-add", arguments) == json::object());
  }
  void snapshot(const std::string& file) {
    const json arguments{{"device", "drive0"}, {"snapshot-file", file}};
    REQUIRE(qmp("blockdev-snapshot-sync", arguments) == json::object());
  }
};

TEST_CASE_METHOD(OneDrive, "a write marks the granules that it touches, outward (S23)") {
  add("b", {{"granularity", 512}});
  REQUIRE(io("drive0", "write 1000 100") == "");
  REQUIRE(dirty("drive0", "b") == json::parse("[[512,1024]]"));
}

TEST_CASE_METHOD(OneDrive, "every way of writing marks bits, reading and flushing do not (S23)") {
  add("b");
  REQUIRE(io("drive0", "read 0 64k") == "");
  REQUIRE(io("drive0", "flush") == "");
  REQUIRE(dirty("drive0", "b") == json::array());
  REQUIRE(io("drive0", "write -z 0 1") == "");
  REQUIRE(io("drive0", "discard 64k 1") == "");
  REQUIRE(io("drive0", "aio_write 128k 1") == "");
  REQUIRE(io("drive0", "aio_flush") == "");
  REQUIRE(dirty("drive0", "b") == json::parse("[[0,196608]]"));
}

TEST_CASE_METHOD(OneDrive, "a failed write marks its bits all the same (S23)") {
  add("b");
  host().file("base")->successes_left = 0;
  REQUIRE(io("drive0", "write 0 64k") == "write failed: Input/output error");
  REQUIRE(dirty("drive0", "b") == json::parse("[[0,65536]]"));
}

TEST_CASE_METHOD(OneDrive, "an image that cannot be read is not opened, and leaves nothing") {
  human("drive_del drive0");
  host().file("base")->successes_left = 0;
  const std::string plug = "drive_add 0 \"if=none,id=drive0,format=qcow2,file=base\"";
  REQUIRE(human(plug) == "Could not read qcow2 header: Input/output error\r\n");
  host().file("base")->successes_left = ~std::uint64_t{0};
  REQUIRE(human(plug) == "OK\r\n");
}

TEST_CASE_METHOD(OneDrive, "no snapshot of what cannot be made durable") {
  io("drive0", "write 0 64k");
  host().file("base")->successes_left = 0;
  const json arguments{{"device", "drive0"}, {"snapshot-file", "top"}};
  REQUIRE(qmp("blockdev-snapshot-sync", arguments) == "An IO error has occurred");
  host().file("base")->successes_left = ~std::uint64_t{0};
  REQUIRE(io("drive0", "write 0 64k") == "");
}

TEST_CASE_METHOD(OneDrive, "past the end nothing is written and nothing marked (S24)") {
  add("b");
  REQUIRE(io("drive0", "write 1048000 1k") == "write failed: Input/output error");
  REQUIRE(io("drive0", "read 1M 1") == "read failed: Input/output error");
  REQUIRE(dirty("drive0", "b") == json::array());
}

TEST_CASE_METHOD(OneDrive, "a disabled bitmap misses what happens meanwhile") {
  add("b", {{"disabled", true}});
  io("drive0", "write 0 512");
  REQUIRE(dirty("drive0", "b") == json::array());
  qmp("block-dirty-bitmap-enable", {{"node", "drive0"}, {"name", "b"}});
  io("drive0", "write 64k 512");
  REQUIRE(dirty("drive0", "b") == json::parse("[[65536,65536]]"));
}

TEST_CASE("a drive without discard=unmap ignores discards (S24)") {
  BlockWorld world;
  world.create("base", {.size = {mib}});
  world.drive("drive0", "base");
  world.qmp("block-dirty-bitmap-add", {{"node", "drive0"}, {"name", "b"}});
  REQUIRE(world.io("drive0", "write -P 5 0 64k") == "");
  world.qmp("block-dirty-bitmap-clear", {{"node", "drive0"}, {"name", "b"}});
  REQUIRE(world.io("drive0", "discard 0 64k") == "");
  REQUIRE(world.dirty("drive0", "b") == json::array());
  REQUIRE(world.contents("drive0") == json::parse("[[0,65536,5],[65536,983040,0]]"));
}

TEST_CASE_METHOD(OneDrive, "an overlay shows the base and keeps the writes (S67, S69)") {
  add("t");
  add("p", {{"persistent", true}});
  io("drive0", "write -P 1 0 128k");
  snapshot("top");
  REQUIRE(contents("drive0") == json::parse("[[0,131072,1],[131072,917504,0]]"));
  io("drive0", "write -P 2 64k 64k");
  REQUIRE(contents("drive0") == json::parse("[[0,65536,1],[65536,65536,2],[131072,917504,0]]"));
  REQUIRE(contents("n0") == json::parse("[[0,131072,1],[131072,917504,0]]"));
  REQUIRE(bitmap("drive0", "p") == nullptr);
  REQUIRE(bitmap("n0", "p")["count"] == 131072);
  REQUIRE(qmp("block-dirty-bitmap-clear", {{"node", "n0"}, {"name", "p"}}) ==
          "Bitmap 'p' is readonly and cannot be modified");
  REQUIRE(qmp("block-dirty-bitmap-clear", {{"node", "n0"}, {"name", "t"}}) == json::object());
}

TEST_CASE_METHOD(OneDrive, "persistent bitmaps outlive a restart, in their order (S12, S44)") {
  add("a", {{"persistent", true}});
  add("t");
  add("c", {{"persistent", true}, {"disabled", true}});
  io("drive0", "write 0 512");
  restart();
  drive("drive0", "base");
  const json bitmaps = qmp("query-block")[0]["inserted"]["dirty-bitmaps"];
  REQUIRE(bitmaps.size() == 2);
  REQUIRE(bitmaps[0]["name"] == "a");
  REQUIRE(bitmaps[0]["count"] == 65536);
  REQUIRE(bitmaps[1]["name"] == "c");
  REQUIRE(bitmaps[1]["recording"] == false);
}

TEST_CASE_METHOD(OneDrive, "a bitmap that was open when the process died is inconsistent (S51)") {
  add("stored", {{"persistent", true}});
  restart();
  drive("drive0", "base");
  add("never", {{"persistent", true}});
  kill();
  drive("drive0", "base");
  REQUIRE(bitmap("drive0", "never") == nullptr);
  const json stored = bitmap("drive0", "stored");
  REQUIRE(stored["inconsistent"] == true);
  REQUIRE(stored["recording"] == false);
  REQUIRE(qmp("block-dirty-bitmap-clear", {{"node", "drive0"}, {"name", "stored"}}) ==
          "Bitmap 'stored' is inconsistent and cannot be used");
  REQUIRE(qmp("block-dirty-bitmap-remove", {{"node", "drive0"}, {"name", "stored"}}) ==
          json::object());
  add("stored");
}

TEST_CASE_METHOD(OneDrive, "a base is crash-safe once it is read-only (S51)") {
  add("p", {{"persistent", true}});
  io("drive0", "write 0 512");
  snapshot("top");
  kill();
  drive("drive0", "top");
  const json nodes = qmp("query-named-block-nodes");
  const json base = nodes[0];
  REQUIRE(base["dirty-bitmaps"][0]["count"] == 65536);
  REQUIRE_FALSE(base["dirty-bitmaps"][0].contains("inconsistent"));
}

TEST_CASE("requests that overlap wait for each other") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    BlockWorld world(seed);
    world.create_raw("disk", mib);
    REQUIRE(world.human("drive_add 0 if=none,id=drive0,file=disk,format=raw") == "OK\r\n");
    for (int i = 0; i < 8; ++i) {
      world.io("drive0", "aio_write -q -P " + std::to_string(i) + " 0 96k");
      world.io("drive0", "aio_read -q 64k 64k");
      world.io("drive0", "aio_write -q -z 32k 64k");
    }
    REQUIRE(world.io("drive0", "aio_flush") == "");
    REQUIRE(world.contents("drive0").size() <= 3);
  }
}

TEST_CASE("a snapshot waits for what is in flight, and what comes meanwhile goes to the overlay") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    BlockWorld world(seed);
    world.create("base", {.size = {mib}});
    world.drive("drive0", "base", "node-name=n0");
    world.qmp("block-dirty-bitmap-add", {{"node", "n0"}, {"name", "p"}, {"persistent", true}});
    for (int i = 0; i < 256; ++i) {
      world.io("drive0", "aio_write -q -P 7 " + std::to_string(i * 4) + "k 4k");
    }
    const json snapshot{{"device", "drive0"}, {"snapshot-file", "top"}};
    REQUIRE(world.qmp("blockdev-snapshot-sync", snapshot) == json::object());
    REQUIRE(world.bitmap("n0", "p")["count"] == mib);
    world.restart();
    world.drive("drive0", "base");
    REQUIRE(world.bitmap("drive0", "p")["count"] == mib);
    REQUIRE(world.contents("drive0") == json::parse("[[0,1048576,7]]"));
  }
}

TEST_CASE_METHOD(OneDrive, "unplugging a drive closes all that only it held") {
  snapshot("top");
  REQUIRE(human("drive_del drive0").empty());
  REQUIRE(qmp("query-named-block-nodes") == json::array());
}

TEST_CASE_METHOD(OneDrive,
                 "a persistent bitmap added on a read-only node is lost, and says so (B56)") {
  create("other", {.size = {mib}});
  drive("ro", "other", "node-name=n1,read-only=on");
  qmp("block-dirty-bitmap-add", {{"node", "n1"}, {"name", "p"}, {"persistent", true}});
  REQUIRE(human("drive_del ro") ==
          "Lost persistent bitmaps during inactivation of node 'n1': No write access\r\n");
}

}  // namespace
}  // namespace tests
