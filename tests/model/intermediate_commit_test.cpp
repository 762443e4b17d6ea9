// SPDX-License-Identifier: MIT
#include "tests/model/story.h"

namespace {

using nlohmann::json;

/// n0 ← n1 ← n2 ← n3, each with a persistent bitmap "p" and one cluster of its own.
Story with_chain() {
  Story story;
  story.create("f0");
  story.drive("f0", {{"node-name", "n0"}});
  for (int i = 0; i < 4; ++i) {
    const std::string n = std::to_string(i);
    if (i > 0) {
      story.ok("blockdev-snapshot-sync", R"({"device":"drive0","snapshot-file":"TEST_DIR/PID-f)" +
                                             n + R"(","snapshot-node-name":"n)" + n + "\"}");
    }
    story.ok("block-dirty-bitmap-add", R"({"node":"drive0","name":"p","persistent":true})");
    story.io("write -P " + n + " " + std::to_string(i * 64) + "K 64K");
  }
  return story;
}

void commit(Story& story, json options = json::object()) {
  options["device"] = "drive0";
  if (!options.contains("top-node")) options["top-node"] = "n2";
  story.ok("block-commit", options.dump());
}

std::string bits(Story& story, const std::string& node, const std::string& bound = "must") {
  return model::dirty_ranges(story.state, node, "p")[bound].dump();
}

TEST_CASE("a commit below the active layer ends by itself (S76, S77, S94)") {
  Story story = with_chain();
  const json before = model::contents(story.state, "drive0");
  commit(story, {{"base-node", "n0"}});
  CHECK(story.qmp("query-named-block-nodes").contains("$one-of"));
  const json done = story.wait("BLOCK_JOB_COMPLETED");
  CHECK(done["len"] == 1 << 20);
  CHECK(done["offset"] == 1 << 20);
  CHECK(bits(story, "n0") == "[[0,196608]]");
  CHECK(bits(story, "n3") == "[[196608,65536]]");
  CHECK(story.node("n0")["ro"] == true);
  CHECK(story.node("n1") == nullptr);
  CHECK(story.node("n3")["backing_file"] == Story::path("f0"));
  CHECK(model::image_info(story.state, Story::path("f3"))["backing-filename"] == Story::path("f0"));
  CHECK(story.flags("f0", "p") == json{"auto"});
  CHECK(story.flags("f2", "p") == json{"auto"});
  CHECK(model::contents(story.state, "drive0") == before);
}

TEST_CASE("a slow one is running, and leaves the base in between when cancelled (S79, M8, M39)") {
  Story story = with_chain();
  commit(story, {{"base-node", "n1"}, {"speed", 1}});
  CHECK(bits(story, "n1", "may") == "[[65536,131072]]");
  CHECK(bits(story, "n1") == "[[65536,65536]]");
  CHECK(story.flags("f1", "p") == json{"in-use", "auto"});
  const json job = story.qmp("query-block-jobs")["return"].at(0);
  CHECK(job["len"] == 1 << 20);
  CHECK(job["status"] == "running");
  CHECK(story.refusal("block-job-complete", R"({"device":"drive0"})") ==
        "Job 'drive0' in state 'running' cannot accept command verb 'complete'");
  story.ok("block-job-cancel", R"({"device":"drive0"})");
  story.wait("BLOCK_JOB_CANCELLED");
  CHECK(story.node("n1")["ro"] == true);
  CHECK(story.io("read -P 2 128K 64K").empty());
}

TEST_CASE("its filter stands above the top, the device keeps its root (M40, S80)") {
  Story story = with_chain();
  commit(story, {{"top-node", "n1"}, {"auto-finalize", false}, {"filter-node-name", "flt"}});
  story.wait("BLOCK_JOB_PENDING");
  CHECK(story.node("flt")["drv"] == "commit_top");
  CHECK(story.node("flt")["ro"] == true);
  CHECK(story.node("n3")["backing_file_depth"] == 4);
  CHECK(story.qmp("query-block")["return"].at(0)["inserted"]["node-name"] == "n3");
  CHECK(story.refusal("block-commit", R"({"device":"drive0"})") == "Need a root block node");
  CHECK(story.refusal("block_resize", R"({"device":"drive0","size":0})") ==
        "Device 'drive0' is in use");
  CHECK(model::delete_drive(story.state, "drive0")["error"]["desc"] ==
        "Node 'drive0' is busy: block device is in use by block job: commit");
  CHECK(story.refusal("blockdev-snapshot-sync",
                      R"({"node-name":"flt","snapshot-file":"x","snapshot-node-name":"x"})") ==
        "Node 'flt' is busy: node is used as backing hd of 'n2'");
  story.ok("block-job-finalize", R"({"id":"drive0"})");
  CHECK(story.node("flt") == nullptr);
  CHECK(story.node("n2")["backing_file"] == Story::path("f0"));
}

TEST_CASE("after success it holds its nodes until it is dismissed (S80)") {
  Story story = with_chain();
  commit(story, {{"auto-dismiss", false}});
  story.wait("BLOCK_JOB_COMPLETED");
  CHECK(story.node("n1") != nullptr);
  CHECK(story.refusal("block-commit", R"({"device":"drive0"})") == "Need a root block node");
  story.ok("job-dismiss", R"({"id":"drive0"})");
  CHECK(story.node("n1") == nullptr);
  CHECK(story.refusal("block-commit", R"({"device":"drive0","speed":-1})") ==
        "Parameter 'speed' expects a non-negative value");
}

TEST_CASE("a header that names something else shows in the file's name (M38)") {
  Story story = with_chain();
  commit(story, {{"backing-file", "PID-f0"}});
  story.wait("BLOCK_JOB_COMPLETED");
  CHECK(story.node("n3")["file"] ==
        R"(json:{"backing": {"driver": "qcow2", "file": {"driver": "file", "filename": )"
        R"("TEST_DIR/PID-f0"}}, "driver": "qcow2", "file": {"driver": "file", "filename": )"
        R"("TEST_DIR/PID-f3"}})");
  story.restart();
  story.drive("f3");
  const json shown = story.qmp("query-block")["return"].at(0)["inserted"];
  CHECK(shown["file"] == Story::path("f3"));
  CHECK(shown["backing_file"] == Story::path("f0"));
}

TEST_CASE("a write that is not waited for has bounds (M41)") {
  Story story = with_chain();
  story.io("aio_write -P 9 512K 1");
  CHECK(bits(story, "n3") == "[[196608,65536]]");
  CHECK(bits(story, "n3", "may") == "[[196608,65536],[524288,65536]]");
  story.ok("block-dirty-bitmap-clear", R"({"node":"n3","name":"p"})");
  story.io("aio_flush");
  CHECK(bits(story, "n3") == "[]");
  CHECK(bits(story, "n3", "may") == "[[524288,65536]]");
  CHECK(story.io("read -P 9 512K 1").empty());
}

}  // namespace
