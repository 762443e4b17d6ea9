// SPDX-License-Identifier: MIT
#include "tests/model/story.h"

namespace {

using nlohmann::json;

void resize(Story& story, std::uint64_t size) {
  story.ok("block_resize", json{{"device", "drive0"}, {"size", size}}.dump());
}

std::string refusal(Story& story, const json& arguments) {
  return story.refusal("block_resize", arguments.dump());
}

std::string data(Story& story) { return model::contents(story.state, "drive0").dump(); }

Story with_node(const json& options = json::object()) {
  Story story;
  story.create("disk", options);
  story.drive("disk", {{"node-name", "n0"}, {"format", options.value("format", "qcow2")}});
  return story;
}

TEST_CASE("refusals of resize come in a fixed order (S59, S60)") {
  Story story = with_node();
  CHECK(refusal(story, {{"node-name", "drive0"}, {"size", -1}}) ==
        "Cannot find device='' nor node-name='drive0'");
  CHECK(refusal(story, {{"device", "x"}, {"node-name", "n0"}, {"size", -1}}) ==
        "Parameter 'size' expects a >0 size");
  CHECK(refusal(story, {{"device", "drive0"}, {"size", 513}}) ==
        "The new size must be a multiple of 512");
  CHECK(refusal(story, {{"device", "drive0"}, {"size", 9223372036854775807}}) ==
        "offset(9223372036854775807) exceeds maximum(9223372035781033984)");
  CHECK(refusal(story, {{"device", "drive0"}, {"size", 1ull << 62}}) ==
        "Failed to grow the L1 table: File too large");
  story.ok("blockdev-snapshot-sync", R"({"device":"drive0","snapshot-file":"TEST_DIR/PID-top"})");
  CHECK(refusal(story, {{"node-name", "n0"}, {"size", 513}}) == "Device '(null)' is in use");
  CHECK(refusal(story, {{"device", "x"}, {"node-name", "n0"}, {"size", 0}}) ==
        "Device 'x' is in use");
}

TEST_CASE("the granule of the last byte keeps its bit, new ones are clean (S61)") {
  Story story = with_node();
  story.ok(bitmap_add, R"({"node":"drive0","name":"b","granularity":4096,"persistent":true})");
  story.io("write 0 1M");
  resize(story, 4096 + 512);
  CHECK(story.bitmap("b")["count"] == 8192);
  resize(story, 1 << 20);
  CHECK(story.bitmap("b")["count"] == 8192);
  story.io("write 1048575 1");
  story.restart();
  story.drive("disk");
  CHECK(model::dirty_ranges(story.state, "drive0", "b")["must"].dump() ==
        "[[0,8192],[1044480,4096]]");
  resize(story, 0);
  CHECK(story.bitmap("b")["count"] == 0);
  CHECK(story.sha("b") == "af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc");
}

TEST_CASE("an inconsistent bitmap in the image forbids any resize (S62)") {
  Story story = with_node();
  story.ok(bitmap_add, R"({"node":"drive0","name":"a","persistent":true})");
  story.ok(bitmap_add, R"({"node":"drive0","name":"b","persistent":true})");
  story.restart();
  story.drive("disk");
  story.kill();
  story.drive("disk");
  CHECK(refusal(story, {{"device", "drive0"}, {"size", 1 << 20}}) ==
        "Bitmap 'b' is inconsistent and cannot be used");
}

TEST_CASE("a longer backing file is not exposed, a cut cluster is (S63, M36)") {
  Story story = with_node();
  story.io("write -P 9 0 1M");
  resize(story, 66048);
  resize(story, 1 << 20);
  CHECK(data(story) == "[[0,131072,[9]],[131072,917504,[0]]]");
  story.restart();
  story.create("top",
               {{"size", "512"}, {"backing_file", Story::path("disk")}, {"backing_fmt", "qcow2"}});
  story.drive("top");
  resize(story, 1 << 20);
  CHECK(data(story) == "[[0,512,[9]],[512,1048064,[0]]]");
}

TEST_CASE("a resize flushes (S63, M9)") {
  Story story = with_node();
  story.io("write -P 1 0 64K");
  resize(story, 1 << 20);
  story.kill();
  story.drive("disk");
  CHECK(data(story) == "[[0,65536,[1]],[65536,983040,[0]]]");
}

TEST_CASE("a raw disk has whole sectors, a version 2 image cannot hide what backs it (M36)") {
  Story raw = with_node({{"format", "raw"}});
  raw.io("write -P 1 0 1M");
  resize(raw, 1000);
  CHECK(data(raw) == "[[0,1000,[1]],[1000,24,[0]]]");
  Story story = with_node();
  story.restart();
  story.create("top", {{"size", "512K"},
                       {"compat", "0.10"},
                       {"backing_file", Story::path("disk")},
                       {"backing_fmt", "qcow2"}});
  story.drive("top");
  CHECK(refusal(story, {{"device", "drive0"}, {"size", 1 << 20}}) ==
        "Failed to zero out new clusters: Operation not supported");
}

TEST_CASE("a disk of size 0 stores nothing (M37)") {
  Story story = with_node();
  story.ok(bitmap_add, R"({"node":"drive0","name":"b","persistent":true})");
  resize(story, 0);
  CHECK(model::delete_drive(story.state, "drive0")["error"]["desc"] ==
        "Lost persistent bitmaps during inactivation of node 'n0': No memory");
  CHECK(story.flags("disk", "b") == nullptr);
}

}  // namespace
