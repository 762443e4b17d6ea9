// SPDX-License-Identifier: MIT
#include "tests/model/story.h"

namespace {

using nlohmann::json;

/// A bitmap over a temporary snapshot and its commit, as the published transcript has it.
void snapshot_and_commit(bool persistent, bool restart) {
  Story story;
  story.create("base");
  story.drive("base");
  story.ok("block-dirty-bitmap-add", R"({"node":"drive0","name":"bitmap0","persistent":)" +
                                         std::string(persistent ? "true}" : "false}"));
  story.io("write 0 512");
  CHECK(story.bitmap("bitmap0")["count"] == 65536);

  story.ok("blockdev-snapshot-sync",
           R"({"device":"drive0","format":"qcow2","snapshot-file":"TEST_DIR/PID-top"})");
  CHECK(story.bitmap("bitmap0") == nullptr);
  story.io("write 64K 512");
  if (restart) {
    story.restart();
    story.drive("top");
  }

  const json done{
      {"device", "drive0"}, {"len", 65536}, {"offset", 65536}, {"speed", 0}, {"type", "commit"}};
  story.ok("block-commit", R"({"device":"drive0","top":"TEST_DIR/PID-top"})");
  CHECK(story.wait("BLOCK_JOB_READY") == done);
  story.ok("block-job-complete", R"({"device":"drive0"})");
  CHECK(story.wait("BLOCK_JOB_COMPLETED") == done);
  CHECK(story.bitmap("bitmap0")["count"] == 2 * 65536);
  story.io("write 128K 512");
  CHECK(story.bitmap("bitmap0")["count"] == 3 * 65536);
}

TEST_CASE("non-persistent without restart (S67, S75, S77)") { snapshot_and_commit(false, false); }
TEST_CASE("persistent without restart (S50, S77)") { snapshot_and_commit(true, false); }
TEST_CASE("persistent with restart (S44, S48, S77)") { snapshot_and_commit(true, true); }

}  // namespace
