// SPDX-License-Identifier: MIT
#include "tests/model/story.h"

namespace {

using nlohmann::json;

Story with_bitmap() {
  Story story;
  story.create("disk");
  story.drive("disk", {{"node-name", "n0"}});
  story.ok("block-dirty-bitmap-add", R"({"node":"drive0","name":"b","persistent":true})");
  story.io("write 0 512");
  story.io("flush");
  return story;
}

TEST_CASE("a clean restart keeps a persistent bitmap (S44, S46, S48)") {
  Story story = with_bitmap();
  story.restart();
  CHECK(story.flags("disk", "b") == json{"auto"});
  story.drive("disk");
  CHECK(story.bitmap("b")["count"] == 65536);
  CHECK(story.flags("disk", "b") == json{"in-use", "auto"});
}

TEST_CASE("a bitmap never stored leaves no trace in a crash (S9)") {
  Story story = with_bitmap();
  story.kill();
  CHECK(story.flags("disk", "b") == nullptr);
}

TEST_CASE("a crash while writable makes it inconsistent, good for removal only (S14, S34, S51)") {
  Story story = with_bitmap();
  story.restart();
  story.drive("disk");
  story.kill();
  story.drive("disk");
  CHECK(story.bitmap("b")["inconsistent"] == true);
  CHECK(story.bitmap("b")["count"] == 0);
  CHECK(story.refusal("block-dirty-bitmap-clear", R"({"node":"drive0","name":"b"})") ==
        "Bitmap 'b' is inconsistent and cannot be used");
  story.ok("block-dirty-bitmap-remove", R"({"node":"drive0","name":"b"})");
  CHECK(story.flags("disk", "b") == nullptr);
}

TEST_CASE("a snapshot stores the base's bitmap and freezes it (S17, S50, S67)") {
  Story story = with_bitmap();
  story.ok("blockdev-snapshot-sync", R"({"device":"drive0","snapshot-file":"TEST_DIR/PID-top"})");
  CHECK(story.flags("disk", "b") == json{"auto"});
  CHECK(story.refusal("block-dirty-bitmap-remove", R"({"node":"n0","name":"b"})") ==
        "Bitmap 'b' is readonly and cannot be modified");
  story.ok("block-dirty-bitmap-disable", R"({"node":"n0","name":"b"})");
  story.kill();
  story.drive("disk");
  CHECK(story.bitmap("b")["count"] == 65536);
  CHECK(story.bitmap("b")["recording"] == true);
}

TEST_CASE("order on disk and in memory (S12)") {
  Story story = with_bitmap();
  story.ok("block-dirty-bitmap-add", R"({"node":"drive0","name":"c","persistent":true})");
  story.restart();
  const auto stored = model::image_info(story.state, Story::path("disk"))["bitmaps"];
  CHECK(stored[0]["name"] == "c");
  CHECK(stored[1]["name"] == "b");
}

TEST_CASE("what was not flushed may be lost in a crash (M9)") {
  Story story = with_bitmap();
  story.io("write -P 1 64K 64K");
  story.kill();
  story.drive("disk");
  CHECK(model::contents(story.state, "drive0").dump() ==
        "[[0,512,[205]],[512,65024,[0]],[65536,65536,[0,1]],[131072,917504,[0]]]");
}

TEST_CASE("broken bitmaps keep an image from being opened (S53, S55)") {
  Story story = with_bitmap();
  story.restart();
  model::damage_image(story.state, Story::path("disk"), "bitmap-type");
  const json options{{"id", "drive0"}, {"file", Story::path("disk")}};
  CHECK(model::add_drive(story.state, options)["error"]["desc"] ==
        "Bitmap 'b' doesn't satisfy the constraints");
  CHECK(model::image_info(story.state, Story::path("disk")).contains("error"));
  model::damage_image(story.state, Story::path("disk"), "bitmap-type");
  model::damage_image(story.state, Story::path("disk"), "autoclear");
  story.drive("disk");
  CHECK(story.bitmap("b") == nullptr);
}

}  // namespace
