// SPDX-License-Identifier: MIT
#include <set>

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

TEST_CASE("bitmaps are valid, hidden or in use while they are taken into use") {
  Story story = with_stored_bitmap();
  const model::State before = story.state;
  story.drive("base");
  CHECK(infos(model::crash(before, story.state), "base") == json{valid, in_use, nothing});
}

TEST_CASE("… also by a commit that is refused when its base was writable already (M15, M46)") {
  Story story = with_stored_bitmap();
  story.create("top", {{"backing_file", Story::path("base")}, {"backing_fmt", "qcow2"}});
  story.drive("top");
  const model::State before = story.state;
  CHECK(story.refusal("block-commit", R"({"device":"drive0","filter-node-name":"1"})") ==
        "Invalid node-name: '1'");
  const json left = infos(model::crash(before, story.state), "base");
  CHECK(std::set<json>(left.begin(), left.end()) == std::set<json>{valid, in_use, nothing});
  CHECK(infos(model::crash(story.state), "base") == json{valid});
}

TEST_CASE(
    "the base of a commit may be in use and not have grown yet until the job is READY (S64)") {
  Story story = with_stored_bitmap();
  story.create("top",
               {{"size", "2M"}, {"backing_file", Story::path("base")}, {"backing_fmt", "qcow2"}});
  story.drive("top");
  const model::State before = story.state;
  story.ok("block-commit", R"({"device":"drive0"})");
  using Sizes = std::set<model::Number>;
  const auto sizes = [](const std::vector<model::State>& worlds) {
    Sizes all;
    for (const model::State& world : worlds) {
      const model::Image& base = world.files.at(Story::path("base"));
      if (base.directory.size() == 1 && base.directory[0].in_use) all.insert(base.size);
    }
    return all;
  };
  CHECK(sizes(model::crash(before, story.state)) == Sizes{1 << 20, 2 << 20});
  CHECK(sizes(model::crash(story.state)) == Sizes{1 << 20, 2 << 20});
  story.wait("BLOCK_JOB_READY");
  CHECK(sizes(model::crash(story.state)) == Sizes{2 << 20});
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
