// SPDX-License-Identifier: MIT
#include "tests/model/story.h"

namespace {

Story with_drive(const nlohmann::json& options = nlohmann::json::object()) {
  Story story;
  story.create("disk", options);
  story.drive("disk");
  return story;
}

TEST_CASE("granularity follows the cluster size, clamped (S1)") {
  for (const auto& [cluster, granularity] :
       {std::pair{"512", 4096}, {"4096", 4096}, {"65536", 65536}, {"2M", 65536}}) {
    Story story = with_drive({{"cluster_size", cluster}});
    story.ok(bitmap_add, R"({"node":"drive0","name":"b"})");
    CHECK(story.bitmap("b")["granularity"] == granularity);
  }
}

TEST_CASE("refusals of add come in a fixed order (S2, S4, S5, S6)") {
  Story story = with_drive();
  CHECK(story.refusal(bitmap_add, R"({"node":"x","name":"","granularity":3})") ==
        "Bitmap name cannot be empty");
  CHECK(story.refusal(bitmap_add, R"({"node":"x","name":"b","granularity":3})") ==
        "Cannot find device='x' nor node-name='x'");
  CHECK(story.refusal(bitmap_add, R"({"node":"drive0","name":"b","granularity":0})") ==
        "Granularity must be power of 2 and at least 512");
  story.ok(bitmap_add, R"({"node":"drive0","name":"b"})");
  CHECK(story.refusal(bitmap_add, R"({"node":"drive0","name":"b"})") == "Bitmap already exists: b");
}

TEST_CASE("arguments are checked against the schema (S11, M21, M22)") {
  Story story = with_drive();
  CHECK(story.refusal(bitmap_add) == "Parameter 'node' is missing");
  CHECK(story.refusal(bitmap_add, R"({"node":"drive0","name":"b","bogus":1})") ==
        "Parameter 'bogus' is unexpected");
  CHECK(story.refusal(bitmap_add, R"({"node":"drive0","name":"b","granularity":-1})") ==
        "Parameter 'granularity' expects uint32_t");
  CHECK(story.refusal("block-dirty-bitmap-merge",
                      R"({"node":"drive0","target":"b","bitmaps":[{"node":"drive0"}]})") ==
        "Parameter 'bitmaps[0].name' is missing");
  CHECK(story.qmp("nope")["error"]["class"] == "CommandNotFound");
}

TEST_CASE("a write dirties the granules that it touches, none past the end (S23, S24)") {
  Story story = with_drive({{"size", "1000448"}});
  story.ok(bitmap_add, R"({"node":"drive0","name":"b","granularity":4096})");
  story.io("write 4095 2");
  CHECK(story.bitmap("b")["count"] == 8192);
  CHECK(story.io("write 1000000 512") == "write failed: Input/output error");
  CHECK(story.bitmap("b")["count"] == 8192);
  story.io("discard 64K 64K");
  CHECK(story.bitmap("b")["count"] == 8192);
  story.io("write 1000447 1");
  CHECK(story.bitmap("b")["count"] == 3 * 4096);
  const auto ranges = model::dirty_ranges(story.state, "drive0", "b");
  CHECK(ranges["must"].dump() == "[[0,8192],[999424,1024]]");
  CHECK(ranges["must"] == ranges["may"]);
}

TEST_CASE("merge crosses granularities and clips at the end of the disk (S20, S21, M18)") {
  Story story = with_drive();
  story.ok(bitmap_add, R"({"node":"drive0","name":"fine","granularity":512})");
  story.ok(bitmap_add, R"({"node":"drive0","name":"coarse","granularity":2147483648})");
  story.io("write 512 512");
  story.ok("block-dirty-bitmap-clear", R"({"node":"drive0","name":"fine"})");
  story.ok("block-dirty-bitmap-merge", R"({"node":"drive0","target":"fine","bitmaps":["coarse"]})");
  CHECK(story.bitmap("fine")["count"] == 1 << 20);
  CHECK(story.refusal("block-dirty-bitmap-merge",
                      R"({"node":"drive0","target":"fine","bitmaps":["coarse","x"]})") ==
        "Dirty bitmap 'x' not found");
  story.ok("block-dirty-bitmap-merge", R"({"node":"drive0","target":"fine","bitmaps":[]})");
}

TEST_CASE("hashes are those that QEMU answered (S35)") {
  Story story = with_drive({{"size", "1000448"}});
  story.ok(bitmap_add, R"({"node":"drive0","name":"word"})");
  CHECK(story.sha("word") == "af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc");
  story.ok(bitmap_add, R"({"node":"drive0","name":"many","granularity":512})");
  CHECK(story.sha("many") == "b3ab6982980fddf460a2f47adb428475ce9afa89092fd034499d017a35993f05");
}

TEST_CASE("a disabled bitmap records nothing and can be cleared (S16, S17, S32)") {
  Story story = with_drive();
  story.ok(bitmap_add, R"({"node":"drive0","name":"b"})");
  story.io("write 0 1");
  story.ok("block-dirty-bitmap-disable", R"({"node":"drive0","name":"b"})");
  story.io("write 512K 1");
  CHECK(story.bitmap("b")["count"] == 65536);
  CHECK(story.bitmap("b")["recording"] == false);
  story.ok("block-dirty-bitmap-clear", R"({"node":"drive0","name":"b"})");
  CHECK(story.bitmap("b")["count"] == 0);
}

}  // namespace
