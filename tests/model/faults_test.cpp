// SPDX-License-Identifier: MIT
#include <set>

#include "tests/model/story.h"

namespace {

using nlohmann::json;
constexpr const char* failed = "write failed: Input/output error";

void fail(Story& story, const std::string& file, const std::string& operation, bool once = false,
          bool certain = true) {
  model::fail_storage(story.state, Story::path(file), operation,
                      {"Input/output error", once, certain});
}

Story with_bitmap() {
  Story story;
  story.create("disk");
  story.drive("disk");
  story.ok("block-dirty-bitmap-add",
           R"({"node":"drive0","name":"b","granularity":65536,"persistent":true})");
  return story;
}

TEST_CASE("a write that fails sets bits and changes no data (S23, M52)") {
  Story story = with_bitmap();
  fail(story, "disk", "write");
  CHECK(story.io("write -P 1 64K 512") == failed);
  CHECK(story.bitmap("b")["count"] == 65536);
  CHECK(story.io("write -P 1 1M 512") == failed);
  CHECK(story.bitmap("b")["count"] == 65536);
  CHECK(story.io("read -P 0 64K 512").empty());
  fail(story, "disk", "");
  CHECK(story.io("write -P 1 64K 512").empty());
}

TEST_CASE("zeros and what comes once leave it open what was written (M52)") {
  Story story = with_bitmap();
  story.io("write -P 1 0 64K");
  fail(story, "disk", "write");
  CHECK(json::parse(story.io("write -z 0 512")) == json{{"$one-of", {failed, ""}}});
  fail(story, "disk", "");
  CHECK(model::contents(story.state, "drive0")[0] == json({0, 512, {0, 1}}));
  fail(story, "disk", "write", true);
  CHECK(story.io("write -P 2 0 512") == failed);
  CHECK(model::contents(story.state, "drive0")[0] == json({0, 512, {0, 1, 2}}));
  CHECK(story.io("write -P 3 0 512").empty());
  fail(story, "disk", "write", false, false);
  CHECK(json::parse(story.io("write -P 2 0 512")) == json{{"$one-of", {failed, ""}}});
}

TEST_CASE("a discard that meets a fault may have freed what it was to free (M52)") {
  Story story;
  story.create("disk");
  story.drive("disk", {{"discard", "unmap"}});
  story.io("write -P 1 0 64K");
  fail(story, "disk", "write", true);
  story.io("discard 0 64K");
  CHECK(model::contents(story.state, "drive0")[0] == json({0, 65536, {0, 1}}));
}

TEST_CASE("a read fails for certain where it shows data of the faulty layer (M52)") {
  Story story = with_bitmap();
  story.io("write -P 1 0 64K");
  fail(story, "disk", "read");
  CHECK(story.io("read 0 512") == "read failed: Input/output error");
  CHECK(story.io("readv 60K 8K") == "readv failed: Input/output error");
  CHECK_THROWS_AS(story.io("aio_read 60K 8K"), model::Unknowable);
  CHECK(json::parse(story.io("read 64K 512")).contains("$one-of"));
}

TEST_CASE("a flush may meet the fault that a write was to meet (M50)") {
  Story story = with_bitmap();
  fail(story, "disk", "write", true);
  story.io("flush");
  CHECK(json::parse(story.io("write -P 1 0 512")) == json{{"$one-of", {failed, ""}}});
}

TEST_CASE("after a flush that failed nothing is durable until the file is closed (M53)") {
  Story story = with_bitmap();
  fail(story, "disk", "flush", true);
  story.io("write -P 1 0 64K");
  story.io("flush");
  story.io("flush");
  story.kill();
  story.drive("disk");
  CHECK(model::contents(story.state, "drive0")[0] == json({0, 65536, {0, 1}}));
  fail(story, "disk", "");
  story.io("write -P 1 0 64K");
  story.io("flush");
  story.kill();
  story.drive("disk");
  CHECK(model::contents(story.state, "drive0")[0] == json({0, 65536, {1}}));
}

TEST_CASE("a write may flush tables: then nobody knows what can be stored (M53, M54)") {
  Story story = with_bitmap();
  fail(story, "disk", "flush");
  story.io("write -P 1 0 512");
  fail(story, "disk", "");
  CHECK_THROWS_AS(model::delete_drive(story.state, "drive0"), model::Unknowable);
}

TEST_CASE("bitmaps that cannot be stored stay in use on disk (S47, M54)") {
  Story story = with_bitmap();
  story.restart();
  story.drive("disk", {{"node-name", "n"}});
  fail(story, "disk", "write");
  const json reply = model::delete_drive(story.state, "drive0");
  CHECK(reply["error"]["desc"] ==
        "Lost persistent bitmaps during inactivation of node 'n': Failed to write bitmap 'b' to "
        "file: Input/output error");
  CHECK(story.flags("disk", "b") == json({"in-use", "auto"}));
}

TEST_CASE("an image that cannot be read or marked is not opened, and leaves nothing (M54)") {
  Story story = with_bitmap();
  story.restart();
  const json options{{"id", "drive0"}, {"file", Story::path("disk")}};
  const auto refused = [&] {
    return model::add_drive(story.state, options)["error"]["desc"].get<std::string>();
  };
  fail(story, "disk", "read", true);
  CHECK(refused() == "Could not read qcow2 header: Input/output error");
  fail(story, "disk", "write");
  CHECK(refused() == "Can't update bitmap directory: Input/output error");
  CHECK(story.state.nodes.empty());
  CHECK(story.flags("disk", "b") == json({"auto"}));
}

TEST_CASE("a query of nodes may have to read what their images hold (M54)") {
  Story story = with_bitmap();
  fail(story, "disk", "read", true);
  CHECK(story.qmp("query-block").contains("return"));
  fail(story, "disk", "");
  story.restart();
  story.drive("disk");
  fail(story, "disk", "read", true);
  const json allowed = story.qmp("query-block")["$one-of"];
  REQUIRE(allowed.size() == 2);
  CHECK(allowed[0].contains("return"));
  CHECK(allowed[1]["error"]["desc"] == "Failed to read bitmap directory: Input/output error");
  story.io("write -P 1 0 512");
  CHECK(json::parse(story.io("read 0 512")).contains("$one-of"));
}

TEST_CASE("where the state of metadata is not known the model says so (M54)") {
  Story story = with_bitmap();
  fail(story, "disk", "write", true);
  CHECK_THROWS_AS(model::delete_drive(story.state, "drive0"), model::Unknowable);
}

TEST_CASE("what opens or closes the only image may have any end that a crash has (M65)") {
  Story story = with_bitmap();
  story.restart();
  fail(story, "disk", "write", true, false);
  const auto open = [](model::State& state) {
    return model::add_drive(state, {{"id", "drive0"}, {"file", Story::path("disk")}});
  };
  model::State state = story.state;
  CHECK_THROWS_AS(open(state), model::Unknowable);
  std::set<std::string> ends;
  for (const model::Outcome& end : model::in_doubt(story.state, false, open)) {
    const auto& directory = end.state.files.at(Story::path("disk")).directory;
    const std::string how = end.reply.contains("error") ? "refused, " : "done, ";
    ends.insert(how + (directory.empty() ? "none" : directory[0].in_use ? "in use" : "valid"));
    CHECK(end.state.nodes.empty() == end.reply.contains("error"));
  }
  CHECK(ends == std::set<std::string>{"done, in use", "refused, in use", "refused, none",
                                      "refused, valid"});
}

TEST_CASE("what other images are open beside it, nobody knows how they fare (M65)") {
  Story story = with_bitmap();
  story.create("other");
  model::add_drive(story.state, {{"id", "drive1"}, {"file", Story::path("other")}});
  fail(story, "disk", "write", true);
  const auto close = [](model::State& state) { return model::delete_drive(state, "drive0"); };
  CHECK_THROWS_AS(model::in_doubt(story.state, true, close), model::Unknowable);
}

TEST_CASE("comparing with a byte that is open tells one of two (M9, M32)") {
  Story story = with_bitmap();
  fail(story, "disk", "write", true);
  CHECK(story.io("write -P 2 0 512") == failed);
  const std::string differs = "Pattern verification failed at offset 0, 512 bytes";
  CHECK(json::parse(story.io("read -P 2 0 512")) == json{{"$one-of", {"", differs}}});
  CHECK(story.io("read -P 3 0 512") == differs);
}

TEST_CASE("a commit that cannot read its source fails and changes nothing above (M55)") {
  Story story = with_bitmap();
  story.ok("blockdev-snapshot-sync",
           R"({"device":"drive0","snapshot-file":"TEST_DIR/PID-top","format":"qcow2"})");
  story.io("write -P 1 0 64K");
  fail(story, "top", "read");
  story.ok("block-commit", R"({"device":"drive0"})");
  CHECK(story.wait("BLOCK_JOB_ERROR") ==
        json{{"device", "drive0"}, {"operation", "read"}, {"action", "report"}});
  CHECK(story.wait("BLOCK_JOB_COMPLETED")["error"] == "Input/output error");
  CHECK(story.qmp("query-block-jobs")["return"].empty());
  fail(story, "top", "");
  CHECK(story.io("read -P 1 0 64K").empty());
}

TEST_CASE("what a commit meets once may be a table, whose reading is done without (M55)") {
  Story story = with_bitmap();
  story.ok("blockdev-snapshot-sync",
           R"({"device":"drive0","snapshot-file":"TEST_DIR/PID-top","format":"qcow2"})");
  story.io("write -P 1 0 64K");
  fail(story, "top", "read", true);
  CHECK_THROWS_AS(story.ok("block-commit", R"({"device":"drive0"})"), model::Unknowable);
}

TEST_CASE("of bitmaps that cannot be stored the first in the directory is told (S12, M54)") {
  Story story = with_bitmap();
  story.restart();
  story.drive("disk", {{"node-name", "n"}});
  story.ok("block-dirty-bitmap-add", R"({"node":"n","name":"new","persistent":true})");
  fail(story, "disk", "write");
  const json reply = model::delete_drive(story.state, "drive0");
  CHECK(reply["error"]["desc"] ==
        "Lost persistent bitmaps during inactivation of node 'n': Failed to write bitmap 'b' to "
        "file: Input/output error");
}

TEST_CASE("what is in flight above a commit that fails outlives the commit's filter (M41, M55)") {
  Story story = with_bitmap();
  story.ok("blockdev-snapshot-sync",
           R"({"device":"drive0","snapshot-file":"TEST_DIR/PID-top","format":"qcow2"})");
  story.io("write -P 1 0 1");
  story.ok("block-commit", R"({"device":"drive0"})");
  story.wait("BLOCK_JOB_READY");
  fail(story, "disk", "write");
  CHECK(story.io("aio_write -P 2 1 1").empty());
  CHECK(story.io("aio_flush").empty());
  CHECK(model::contents(story.state, "drive0")[1] == json({1, 1, {2}}));
}

}  // namespace
