// SPDX-License-Identifier: MIT
#include "tests/model/story.h"

namespace {

using nlohmann::json;

/// Images base and top, top over base; nothing is open.
Story with_images() {
  Story story;
  story.create("base");
  story.create("top", {{"backing_file", Story::path("base")}, {"backing_fmt", "qcow2"}});
  return story;
}

json qcow2(const std::string& name, const std::string& file) {
  return {{"driver", "qcow2"},
          {"node-name", name},
          {"file", {{"driver", "file"}, {"filename", Story::path(file)}}}};
}

void add_node(Story& story, const json& options) { story.ok("blockdev-add", options.dump()); }
std::string refused(Story& story, const json& options) {
  return story.refusal("blockdev-add", options.dump());
}
std::string undeletable(Story& story, const std::string& name) {
  return story.refusal("blockdev-del", json{{"node-name", name}}.dump());
}

TEST_CASE("options are checked at every depth (M42)") {
  Story story = with_images();
  CHECK(refused(story, {{"driver", "x"}}) == "Parameter 'driver' does not accept value 'x'");
  CHECK(refused(story, {{"driver", "qcow2"}}) == "Parameter 'file' is missing");
  CHECK(refused(story, {{"driver", "raw"}, {"file", {{"driver", "file"}}}}) ==
        "Parameter 'file.filename' is missing");
  json options = qcow2("n", "base");
  options["backing"] = 1;
  CHECK(refused(story, options) ==
        "Invalid parameter type for 'backing', expected: BlockdevRefOrNull");
  options["backing"] = "x";
  CHECK(refused(story, options) ==
        "Could not open backing file: Cannot find device='x' nor node-name='x'");
  options.erase("node-name");
  CHECK(refused(story, options) == "'node-name' must be specified for the root node");
  CHECK(story.qmp("query-named-block-nodes")["return"] == json::array());
}

TEST_CASE("what backs a node is recorded, named or nothing (M42, M38)") {
  Story story = with_images();
  add_node(story, qcow2("n", "top"));
  CHECK(story.node("n")["backing_file"] == Story::path("base"));
  story.ok("blockdev-del", R"({"node-name":"n"})");
  json options = qcow2("n", "top");
  options["backing"] = nullptr;
  add_node(story, options);
  CHECK(story.node("n")["file"].get<std::string>().starts_with("json:{\"backing\": null"));
  story.ok("blockdev-del", R"({"node-name":"n"})");
  add_node(story, qcow2("b", "base"));
  options["backing"] = "b";
  add_node(story, options);
  CHECK(undeletable(story, "b") == "Node 'b' is busy: node is used as backing hd of 'n'");
  CHECK(story.node("b")["ro"] == false);
}

TEST_CASE("a node lives until it is deleted, and is stored then (M43, S44)") {
  Story story = with_images();
  add_node(story, {{"driver", "file"}, {"node-name", "f"}, {"filename", Story::path("base")}});
  add_node(story, {{"driver", "qcow2"}, {"node-name", "n"}, {"file", "f"}});
  CHECK(refused(story, {{"driver", "qcow2"}, {"node-name", "m"}, {"file", "f"}})
            .starts_with("Permission conflict on node 'f': permissions 'write, resize'"));
  story.ok("block-dirty-bitmap-add", R"({"node":"n","name":"p","persistent":true})");
  CHECK(undeletable(story, "f") == "Block device f is in use");
  CHECK(undeletable(story, "x") == "Failed to find node with node-name='x'");
  story.ok("blockdev-del", R"({"node-name":"n"})");
  CHECK(story.flags("base", "p") == json{"auto"});
  story.drive("base", {{"node-name", "root"}});
  CHECK(undeletable(story, "root") == "Node root is in use");
}

TEST_CASE("quitting stores what nobody deleted (S44)") {
  Story story = with_images();
  add_node(story, qcow2("n", "top"));
  story.ok("block-dirty-bitmap-add", R"({"node":"n","name":"p","persistent":true})");
  story.restart();
  CHECK(story.flags("top", "p") == json{"auto"});
  CHECK(story.qmp("query-named-block-nodes")["return"] == json::array());
}

TEST_CASE("a snapshot goes into a node that is there (S66, S67)") {
  Story story = with_images();
  story.drive("base", {{"node-name", "n0"}});
  story.ok("block-dirty-bitmap-add", R"({"node":"n0","name":"p","persistent":true})");
  story.io("write -P 1 0 64K");
  json options = qcow2("n1", "top");
  CHECK(refused(story, options) ==
        "Could not open backing file: Failed to get shared \"write\" lock");
  options["backing"] = nullptr;
  add_node(story, options);
  CHECK(story.refusal("blockdev-snapshot", R"({"node":"n0","overlay":"x"})") ==
        "Cannot find device='x' nor node-name='x'");
  CHECK(story.refusal("blockdev-snapshot", R"({"node":"n1","overlay":"n0"})") ==
        "The overlay is already in use");
  story.ok("blockdev-snapshot", R"({"node":"drive0","overlay":"n1"})");
  CHECK(story.node("n0")["ro"] == true);
  CHECK(story.node("n1")["file"] == Story::path("top"));
  CHECK(story.flags("base", "p") == json{"auto"});
  CHECK(story.io("read -P 1 0 64K").empty());
  CHECK(undeletable(story, "n1") == "Node n1 is in use");
  CHECK(story.refusal("blockdev-snapshot", R"({"node":"n1","overlay":"n0"})") ==
        "The overlay is already in use");
}

TEST_CASE("images that back each other in a ring are refused, and nothing stays open (M61)") {
  Story story;
  story.create("b");
  story.create("a", {{"backing_file", Story::path("b")}, {"backing_fmt", "qcow2"}});
  story.create("b", {{"backing_file", Story::path("a")}, {"backing_fmt", "qcow2"}});
  nlohmann::json options{{"id", "drive0"}, {"file", Story::path("a")}};
  CHECK(model::add_drive(story.state, options)["error"]["desc"] ==
        "Could not open backing file: Could not open backing file: Failed to get shared \"write\" "
        "lock");
  options["read-only"] = "on";
  CHECK(model::add_drive(story.state, options)["error"]["desc"] == nlohmann::json{{"$any", true}});
  CHECK(story.state.nodes.empty());
}

}  // namespace
