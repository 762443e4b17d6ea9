// SPDX-License-Identifier: MIT
#include "tests/model/story.h"

namespace {

using nlohmann::json;

/// Base n0 below overlay n1, whose second cluster is written; a bitmap on the base.
Story with_overlay() {
  Story story;
  story.create("base");
  story.drive("base", {{"node-name", "n0"}});
  story.ok("blockdev-snapshot-sync",
           R"({"device":"drive0","snapshot-file":"TEST_DIR/PID-top","snapshot-node-name":"n1"})");
  story.io("write 64K 512");
  story.ok("block-dirty-bitmap-add", R"({"node":"n0","name":"b"})");
  return story;
}

json job(Story& story) { return story.qmp("query-block-jobs")["return"].at(0); }
json bits(Story& story) { return model::dirty_ranges(story.state, "n0", "b"); }

TEST_CASE("until READY is seen, bits and progress have bounds (M2, M4, S92)") {
  Story story = with_overlay();
  story.ok("block-commit", R"({"device":"drive0"})");
  CHECK(job(story)["offset"] == json{{"$between", {0, 65536}}});
  CHECK(bits(story)["must"] == json::array());
  CHECK(bits(story)["may"].dump() == "[[65536,65536]]");
  story.wait("BLOCK_JOB_READY");
  CHECK(job(story)["offset"] == 65536);
  CHECK(bits(story)["must"] == bits(story)["may"]);
}

TEST_CASE("a write after READY is copied before the end (S80, M5)") {
  Story story = with_overlay();
  story.ok("block-commit", R"({"device":"drive0"})");
  story.wait("BLOCK_JOB_READY");
  story.io("write -P 7 512K 1");
  CHECK(bits(story)["may"].dump() == "[[65536,65536],[524288,65536]]");
  CHECK(bits(story)["must"].dump() == "[[65536,65536]]");
  story.ok("block-job-complete", R"({"device":"drive0"})");
  CHECK(story.wait("BLOCK_JOB_COMPLETED")["len"] == 131072);
  CHECK(bits(story)["must"] == bits(story)["may"]);
  CHECK(story.io("read -P 7 512K 1").empty());
}

TEST_CASE("who writes to the base itself comes before a copy or after it (M5)") {
  Story story = with_overlay();
  const auto base = [&story] { return model::contents(story.state, "n0").dump(); };
  story.ok("block-commit", R"({"device":"drive0"})");
  story.wait("BLOCK_JOB_READY");
  story.io("write -P 2 0 64K");
  CHECK(model::guest_io(story.state, "n0", "write -P 3 0 64K").empty());
  story.ok("block-job-complete", R"({"device":"drive0"})");
  story.wait("BLOCK_JOB_COMPLETED");
  CHECK(base().starts_with("[[0,65536,[2,3]]"));
}

TEST_CASE("who writes through the commit after that has the last word (M5)") {
  Story story = with_overlay();
  story.ok("block-commit", R"({"device":"drive0"})");
  story.wait("BLOCK_JOB_READY");
  story.io("write -P 2 0 64K");
  CHECK(model::guest_io(story.state, "n0", "write -P 3 0 64K").empty());
  story.io("write -P 4 0 64K");
  story.ok("block-job-complete", R"({"device":"drive0"})");
  story.wait("BLOCK_JOB_COMPLETED");
  CHECK(model::contents(story.state, "n0").dump().starts_with("[[0,65536,[4]]"));
}

TEST_CASE("a bitmap cleared while a copy is under way may or may not see it (M6)") {
  Story story = with_overlay();
  story.ok("block-commit", R"({"device":"drive0"})");
  story.ok("block-dirty-bitmap-clear", R"({"node":"n0","name":"b"})");
  story.wait("BLOCK_JOB_READY");
  CHECK(bits(story)["must"] == json::array());
  CHECK(bits(story)["may"].dump() == "[[65536,65536]]");
}

TEST_CASE("during a commit the device means the job's filter (M10, M11)") {
  Story story = with_overlay();
  story.ok("block-commit", R"({"device":"drive0"})");
  story.wait("BLOCK_JOB_READY");
  story.ok("block-dirty-bitmap-add", R"({"node":"drive0","name":"lost"})");
  CHECK(story.bitmap("lost") == nullptr);
  CHECK(story.refusal("block-dirty-bitmap-add",
                      R"({"node":"drive0","name":"p","persistent":true})") ==
        "Can't store persistent bitmaps to drive0: Operation not supported");
  CHECK(story.refusal("block-commit", R"({"device":"drive0"})") == "Need a root block node");
  story.ok("block-job-cancel", R"({"device":"drive0"})");
  story.wait("BLOCK_JOB_COMPLETED");
  CHECK(story.refusal("block-dirty-bitmap-clear", R"({"node":"drive0","name":"lost"})") ==
        "Dirty bitmap 'lost' not found");
}

TEST_CASE("verbs are refused by state (S82, S83, S84)") {
  Story story = with_overlay();
  story.ok("block-commit", R"({"device":"drive0","job-id":"j","speed":1})");
  CHECK(story.refusal("block-job-complete", R"({"device":"j"})") ==
        "Job 'j' in state 'running' cannot accept command verb 'complete'");
  story.ok("block-job-pause", R"({"device":"j"})");
  CHECK(story.refusal("block-job-pause", R"({"device":"j"})") == "Job is already paused");
  CHECK(story.refusal("block-job-cancel", R"({"device":"j"})") ==
        "The block job for device 'j' is currently paused");
  story.ok("block-job-cancel", R"({"device":"j","force":true})");
  CHECK(story.wait("BLOCK_JOB_CANCELLED")["device"] == "j");
  CHECK(story.qmp("block-job-pause", R"({"device":"j"})")["error"]["class"] == "DeviceNotActive");
}

TEST_CASE("what a query sees of a job told to end (M7)") {
  Story story = with_overlay();
  story.ok("block-commit", R"({"device":"drive0"})");
  story.wait("BLOCK_JOB_READY");
  story.ok("block-job-complete", R"({"device":"drive0"})");
  CHECK(story.qmp("query-block-jobs").contains("$one-of"));
  story.wait("BLOCK_JOB_COMPLETED");
  CHECK(story.qmp("query-block-jobs")["return"] == json::array());
}

TEST_CASE("a base with an inconsistent bitmap cannot grow: the job fails (M17)") {
  Story story;
  story.create("base");
  story.drive("base");
  story.ok("block-dirty-bitmap-add", R"({"node":"drive0","name":"b","persistent":true})");
  story.restart();
  story.drive("base");
  story.kill();
  story.create("top",
               {{"size", "2M"}, {"backing_file", Story::path("base")}, {"backing_fmt", "qcow2"}});
  story.drive("top");
  story.ok("block-commit", R"({"device":"drive0"})");
  CHECK(story.wait("BLOCK_JOB_COMPLETED")["error"] == "Operation not supported");
}

}  // namespace
