// SPDX-License-Identifier: MIT
#include <algorithm>

#include "tests/model/story.h"

using nlohmann::json;

namespace {

/// What lies in an image after a crash, in each of the worlds that it may have left.
json infos(const std::vector<model::State>& worlds, const std::string& image) {
  json all = json::array();
  for (const model::State& world : worlds) {
    json bitmaps = json::array();
    const json info = model::image_info(world, Story::path(image));
    for (const json& each : info["bitmaps"]) {
      bitmaps.push_back({each["name"], each["flags"]});
    }
    all.push_back(std::move(bitmaps));
  }
  return all;
}

const json nothing = json::array();
const json in_use = json::parse(R"([["b",["in-use","auto"]]])");
const json valid = json::parse(R"([["b",["auto"]]])");

/// An image with a stored bitmap, nothing open.
Story with_stored_bitmap() {
  Story story;
  story.create("base");
  story.drive("base");
  story.ok("block-dirty-bitmap-add", R"({"node":"drive0","name":"b","persistent":true})");
  CHECK(story.io("write 0 64K").empty());
  story.restart();
  return story;
}

TEST_CASE("at rest a crash leaves one world") {
  Story story = with_stored_bitmap();
  CHECK(infos(model::crash(story.state), "base") == json{valid});
  story.drive("base");
  CHECK(infos(model::crash(story.state), "base") == json{in_use});
}

TEST_CASE("bitmaps are valid, in use or hidden while they are taken into use") {
  Story story = with_stored_bitmap();
  const model::State before = story.state;
  story.drive("base");
  CHECK(infos(model::crash(before, story.state), "base") == json{valid, in_use, nothing, in_use});
}

TEST_CASE("bitmaps are in use before the base of a commit grows") {
  Story story = with_stored_bitmap();
  const model::State before = story.state;
  model::State after = before;
  model::Image& image = after.files.at(Story::path("base"));
  image.directory.front().in_use = true;
  image.size *= 2;
  const std::vector<model::State> left = model::crash(before, after);
  CHECK(std::ranges::any_of(left, [&](const model::State& state) {
    const model::Image& base = state.files.at(Story::path("base"));
    return base.directory.size() == 1 && base.directory.front().in_use && base.size < image.size;
  }));
}

TEST_CASE("bitmaps are stored or not when their store is cut short") {
  Story story = with_stored_bitmap();
  story.drive("base");
  const model::State before = story.state;
  story.restart();
  CHECK(infos(model::crash(before, story.state), "base") == json{in_use, valid});
}

TEST_CASE("a job that was told to end may have done so before the crash") {
  Story story = with_stored_bitmap();
  story.drive("base");
  story.ok("blockdev-snapshot-sync", R"({"device":"drive0","snapshot-file":"TEST_DIR/PID-top"})");
  story.ok("block-dirty-bitmap-add", R"({"node":"drive0","name":"t","persistent":true})");
  story.ok("block-commit", R"({"device":"drive0"})");
  story.wait("BLOCK_JOB_READY");
  CHECK(infos(model::crash(story.state), "top") == json{nothing});
  story.ok("block-job-complete", R"({"device":"drive0"})");
  CHECK(infos(model::crash(story.state), "top") ==
        json{nothing, json::parse(R"([["t",["auto"]]])")});
  story.wait("BLOCK_JOB_COMPLETED");
  CHECK(model::crash(story.state).size() == 1);
}

TEST_CASE("what was not flushed may be lost in a crash, what was may not") {
  Story story;
  story.create("base");
  story.drive("base");
  CHECK(story.io("write -P 1 0 64K").empty());
  CHECK(story.io("flush").empty());
  CHECK(story.io("write -P 2 0 512").empty());
  model::State left = model::crash(story.state).front();
  const json options{{"id", "drive0"}, {"file", Story::path("base")}};
  REQUIRE(model::add_drive(left, options).contains("return"));
  const json contents = model::contents(left, "drive0");
  CHECK(contents[0] == json::parse("[0,512,[1,2]]"));
  CHECK(contents[1] == json::parse("[512,65024,[1]]"));
}

}  // namespace
