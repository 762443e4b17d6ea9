// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/engine/block_world.h"
#include "tests/engine/units.h"

namespace tests {
namespace {

using nlohmann::json;

struct Disk1M : BlockWorld {
  Disk1M() {
    create("base", {.size = {mib}});
    drive("drive0", "base", "node-name=n0");
  }
  json resize(std::uint64_t size) {
    return qmp("block_resize", {{"device", "drive0"}, {"size", size}});
  }
  void add(const std::string& name, const json& more = json::object()) {
    json arguments{{"node", "drive0"}, {"name", name}};
    arguments.update(more);
    REQUIRE(qmp("block-dirty-bitmap-add", arguments) == json::object());
  }
};

TEST_CASE_METHOD(Disk1M, "all bitmaps of a node follow its size (S61, B01, B08)") {
  add("fine", {{"granularity", 512}});
  add("coarse", {{"granularity", mib}});
  add("off", {{"disabled", true}});
  REQUIRE(io("drive0", "write 0 1M") == "");
  REQUIRE(resize(100 * kib + 512) == json::object());
  REQUIRE(dirty("drive0", "fine") == json::parse("[[0,102912]]"));
  REQUIRE(bitmap("drive0", "coarse")["count"] == mib);
  REQUIRE(resize(3 * mib) == json::object());
  REQUIRE(dirty("drive0", "fine") == json::parse("[[0,102912]]"));
  REQUIRE(dirty("drive0", "coarse") == json::parse("[[0,1048576]]"));
  REQUIRE(dirty("drive0", "off") == json::array());
  REQUIRE(io("drive0", "write 2M 512") == "");
  REQUIRE(dirty("drive0", "fine") == json::parse("[[0,102912],[2097152,512]]"));
}

TEST_CASE_METHOD(Disk1M, "the same size changes nothing, none is allowed (B03, S59)") {
  add("b");
  io("drive0", "write 0 512");
  REQUIRE(resize(mib) == json::object());
  REQUIRE(bitmap("drive0", "b")["count"] == 65536);
  REQUIRE(resize(0) == json::object());
  REQUIRE(bitmap("drive0", "b")["count"] == 0);
  REQUIRE(resize(mib) == json::object());
  REQUIRE(contents("drive0") == json::parse("[[0,1048576,0]]"));
}

TEST_CASE_METHOD(Disk1M, "stored bitmaps get the new size, and load with it (B51)") {
  add("p", {{"persistent", true}, {"granularity", 512}});
  restart();
  drive("drive0", "base");
  io("drive0", "write 0 1M");
  REQUIRE(resize(300 * kib) == json::object());
  restart();
  drive("drive0", "base");
  REQUIRE(dirty("drive0", "p") == json::parse("[[0,307200]]"));
  REQUIRE(resize(2 * mib) == json::object());
  restart();
  drive("drive0", "base");
  REQUIRE(dirty("drive0", "p") == json::parse("[[0,307200]]"));
}

TEST_CASE_METHOD(Disk1M, "a stored bitmap that is inconsistent forbids a resize (S62)") {
  add("a", {{"persistent", true}});
  add("c", {{"persistent", true}});
  restart();
  drive("drive0", "base");
  kill();
  drive("drive0", "base");
  // On disk the newest comes first (S12).
  REQUIRE(resize(2 * mib) == "Bitmap 'c' is inconsistent and cannot be used");
  REQUIRE(resize(mib) == "Bitmap 'c' is inconsistent and cannot be used");
  REQUIRE(resize(1000) == "The new size must be a multiple of 512");
  qmp("block-dirty-bitmap-remove", {{"node", "drive0"}, {"name", "c"}});
  REQUIRE(resize(2 * mib) == "Bitmap 'a' is inconsistent and cannot be used");
  qmp("block-dirty-bitmap-remove", {{"node", "drive0"}, {"name", "a"}});
  REQUIRE(resize(2 * mib) == json::object());
}

TEST_CASE("a longer backing never shows in what a disk grew by (S63, B69)") {
  for (const std::uint64_t size : {100 * kib + 512, 256 * kib, 4 * mib}) {
    CAPTURE(size);
    BlockWorld world;
    world.create("base", {.size = {mib}});
    world.drive("drive0", "base");
    world.io("drive0", "write -P 9 0 1M");
    world.human("drive_del drive0");
    world.create("top", {.size = {70 * kib}, .backing_file = "base", .backing_format = "qcow2"});
    world.drive("drive0", "top");
    const json request{{"device", "drive0"}, {"size", size}};
    REQUIRE(world.qmp("block_resize", request) == json::object());
    const json expected{{0, 70 * kib, 9}, {70 * kib, size - 70 * kib, 0}};
    REQUIRE(world.contents("drive0") == expected);
    world.kill();
    world.drive("drive0", "top");
    REQUIRE(world.contents("drive0") == expected);
  }
}

TEST_CASE_METHOD(Disk1M, "shrinking gives clusters back, and what comes back is zero (S63)") {
  io("drive0", "write -P 5 0 1M");
  REQUIRE(resize(128 * kib) == json::object());
  REQUIRE(resize(mib) == json::object());
  REQUIRE(contents("drive0") == json::parse("[[0,131072,5],[131072,917504,0]]"));
}

}  // namespace
}  // namespace tests
