// SPDX-License-Identifier: MIT
#include "tests/model/story.h"

namespace {

Story with_drive_opened(const nlohmann::json& options = nlohmann::json::object()) {
  Story story;
  story.create("disk");
  story.drive("disk", options);
  return story;
}

TEST_CASE("patterns are verified (M32)") {
  Story story = with_drive_opened();
  CHECK(story.io("write -P 0xa5 64K 512").empty());
  CHECK(story.io("read -P 165 64K 512").empty());
  CHECK(story.io("read -P 1 64K 1K") == "Pattern verification failed at offset 65536, 1024 bytes");
  CHECK(story.io("write -zu 0 128K").empty());
  CHECK(story.io("aio_read -P 0 0 1M").empty());
  CHECK(story.io("writev 0 512 512").empty());
  CHECK(story.io("read -P 0xcd 0 1K").empty());
}

nlohmann::json bytes(const Story& story) { return model::contents(story.state, "drive0"); }

TEST_CASE("several writes are in flight until their node is drained (M41, M57)") {
  Story story = with_drive_opened();
  CHECK(story.io("aio_write -P 1 0 4K").empty());
  CHECK(story.io("aio_write -P 2 4K 4K").empty());
  CHECK(bytes(story).at(0).dump() == "[0,4096,[0,1]]");
  CHECK(bytes(story).at(1).dump() == "[4096,4096,[0,2]]");
  CHECK(story.io("write -P 3 64K 512").empty());
  CHECK(story.io("flush").empty());
  CHECK(bytes(story).at(0).dump() == "[0,4096,[0,1]]");
  CHECK(story.io("aio_flush").empty());
  CHECK(bytes(story).at(0).dump() == "[0,4096,[1]]");
  CHECK(bytes(story).at(1).dump() == "[4096,4096,[2]]");
}

TEST_CASE("of requests that meet on the same bytes any may come last (M41)") {
  Story story = with_drive_opened();
  CHECK(story.io("aio_write -P 1 0 4K").empty());
  CHECK(story.io("aio_write -P 2 0 512").empty());
  CHECK(story.io("write -P 3 3K 1K").empty());
  CHECK(bytes(story).dump().starts_with("[[0,512,[0,1,2]],[512,2560,[0,1]],[3072,1024,[1,3]]"));
  CHECK(story.io("aio_flush").empty());
  CHECK(bytes(story).dump().starts_with("[[0,512,[1,2]],[512,2560,[1]],[3072,1024,[1,3]],[4096"));
}

TEST_CASE("a discard beside a write in its cluster leaves the cluster or not (M41)") {
  Story story = with_drive_opened({{"discard", "unmap"}});
  CHECK(story.io("write -P 7 0 64K").empty());
  CHECK(story.io("aio_write -P 1 0 512").empty());
  CHECK(story.io("discard 0 64K").empty());
  CHECK(story.io("aio_flush").empty());
  CHECK(bytes(story).dump() == "[[0,512,[0,1]],[512,1048064,[0]]]");
}

TEST_CASE("who drains what (M57)") {
  Story story = with_drive_opened({{"node-name", "n"}});
  const auto in_flight = [&story] { return bytes(story).at(0).at(2).size() == 2; };
  const auto start = [&] {
    static int value = 1;
    story.io("aio_write -P " + std::to_string(++value) + " 0 64K");
    REQUIRE(in_flight());
  };
  start();
  story.ok(bitmap_add, R"({"node": "n", "name": "b"})");
  story.refusal("block_resize", R"({"device": "drive0", "size": -1})");
  CHECK(in_flight());
  story.ok("block_resize", R"({"device": "drive0", "size": 1048576})");
  CHECK(!in_flight());
  start();
  story.refusal("blockdev-snapshot-sync", R"({"device": "nowhere", "snapshot-file": "x"})");
  CHECK(!in_flight());
  start();
  CHECK(model::guest_io(story.state, "n", "read 64K 512").empty());
  CHECK(!in_flight());
}

TEST_CASE("what qemu-io says of bad words (M32, M33)") {
  Story story = with_drive_opened();
  CHECK(story.io("write 0") == "bad argument count 1 to write, expected at least 2 arguments");
  CHECK(story.io("write -P 256 0 1") == "256 is not a valid pattern byte");
  CHECK(story.io("write -u 0 1") == "-u requires -z to be specified");
  CHECK(story.io("write 0 512x") ==
        "Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- 512x");
  CHECK(story.io("bogus") == "command \"bogus\" not found");
  CHECK(story.io("aio_read 1M 1") == "readv failed: Input/output error");
}

TEST_CASE("a read-only drive refuses before it looks further (M35)") {
  Story story = with_drive_opened({{"read-only", "on"}});
  CHECK(story.io("write 2M 512") == "Block node is read-only");
  CHECK(story.io("read 0 512").empty());
}

TEST_CASE("discard needs discard=unmap and frees whole clusters only (S24, M31)") {
  Story story = with_drive_opened({{"discard", "unmap"}});
  story.ok("block-dirty-bitmap-add", R"({"node":"drive0","name":"b","granularity":512})");
  story.io("write 0 128K");
  story.ok("block-dirty-bitmap-clear", R"({"node":"drive0","name":"b"})");
  story.io("discard 512 128K");
  CHECK(story.bitmap("b")["count"] == 131072);
  CHECK(story.io("read -P 0xcd 0 64K").empty());
  CHECK(story.io("read -P 0 64K 64K").empty());
}

TEST_CASE("reads pass through the chain; past a short backing file are zeros (S69)") {
  Story story = with_drive_opened();
  story.io("write -P 3 0 1M");
  story.restart();
  story.create("top", {{"size", "2M"},
                       {"backing_file", Story::path("disk")},
                       {"backing_fmt", "qcow2"},
                       {"cluster_size", "4096"}});
  story.drive("top");
  story.io("write -P 4 1048575 2");
  CHECK(model::contents(story.state, "drive0").dump() ==
        "[[0,1048575,[3]],[1048575,2,[4]],[1048577,1048575,[0]]]");
}

}  // namespace
