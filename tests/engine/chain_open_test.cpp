// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/engine/block_world.h"
#include "tests/engine/units.h"

// What an image says about the one below it.

namespace tests {
namespace {

using nlohmann::json;

struct Chain : BlockWorld {
  void image(const std::string& file, const std::string& below) {
    create(file, {.size = {mib}, .backing_file = below, .backing_format = "qcow2"});
  }
  json add(const std::string& file, bool read_only) {
    return qmp("blockdev-add", {{"driver", "qcow2"},
                                {"node-name", "top"},
                                {"read-only", read_only},
                                {"file", {{"driver", "file"}, {"filename", file}}}});
  }
  json nodes() { return qmp("query-named-block-nodes"); }
};

TEST_CASE_METHOD(Chain, "images that back each other are refused, and none stays open") {
  image("a", "b");
  image("b", "a");
  CHECK(
      add("a", true) ==
      "Could not open backing file: Could not open backing file: The chain of backing files comes "
      "back to 'a'");
  // Where files have locks, that of the image that is written refuses first.
  CHECK(std::string(add("a", false)).ends_with(": The chain of backing files comes back to 'b'"));
  image("self", "self");
  CHECK(add("self", true) ==
        "Could not open backing file: The chain of backing files comes back to 'self'");
  image("c", R"(json:{"driver":"qcow2","file":{"driver":"file","filename":"d"}})");
  image("d", "c");
  CHECK(
      add("c", true) ==
      "Could not open backing file: Could not open backing file: The chain of backing files comes "
      "back to 'c'");
  CHECK(nodes() == json::array());
  create("a", {.size = {mib}});
  CHECK(add("b", false) == json::object());
}

TEST_CASE_METHOD(Chain, "a chain may be long, but not endless") {
  create("0", {.size = {mib}});
  for (unsigned i = 1; i <= 201; ++i) image(std::to_string(i), std::to_string(i - 1));
  CHECK(add("200", true) == json::object());
  CHECK(contents("top") == json::parse("[[0,1048576,0]]"));
  CHECK(qmp("blockdev-del", {{"node-name", "top"}}) == json::object());
  const std::string refusal = add("201", true);
  CHECK(refusal.ends_with(": The chain of backing files has more than 200 images"));
  CHECK(nodes() == json::array());
}

TEST_CASE_METHOD(Chain, "the name of a backing may be all that it takes to open it") {
  create("low", {.size = {mib}});
  create("mid", {.size = {mib}, .backing_file = "other", .backing_format = "qcow2"});
  drive("d", "low");
  io("d", "write -P 7 0 64k");
  human("drive_del d");
  const std::string nested =
      R"(json:{"backing": {"driver": "qcow2", "file": {"driver": "file", "filename": "low"}}, )"
      R"("driver": "qcow2", "file": {"driver": "file", "filename": "mid"}})";
  for (const std::string& name :
       {std::string(R"(json:{"driver":"qcow2","file":{"driver":"file","filename":"low"}})"),
        std::string(R"(json:{"driver":"qcow2","file.driver":"file","file.filename":"low"})"),
        std::string(R"(json:{"file":{"driver":"file","filename":"low"}})"), nested}) {
    CAPTURE(name);
    image("top", name);
    CHECK(add("top", false) == json::object());
    CHECK(contents("top")[0] == json::parse("[0,65536,7]"));
    CHECK(qmp("blockdev-del", {{"node-name", "top"}}) == json::object());
  }
  create("no-format", {.size = {mib}, .backing_file = nested});
  CHECK(add("no-format", false) == json::object());
}

TEST_CASE_METHOD(Chain, "a name that cannot be understood is refused in qemu's words") {
  // Asked of QEMU 7.2, each as the name of a backing file of format qcow2.
  const std::vector<std::pair<std::string, std::string>> names = {
      {"[]", "Invalid JSON object given"},
      {"{}", "A block device must be specified for \"file\""},
      {R"({"driver":"qcow2"})", "A block device must be specified for \"file\""},
      {R"({"driver":"file","filename":"x"})", "A block device must be specified for \"file\""},
      {R"({"foo":1,"file":{"driver":"file","filename":"x"}})",
       "Block format 'qcow2' does not support the option 'foo'"},
      {R"({"file":{"driver":"file","filename":"x","foo":2}})",
       "Block protocol 'file' doesn't support the option 'foo'"},
      {R"({"file":{"driver":"file"}})", "The 'file' block driver requires a file name"},
      {R"({"file":"x"})", "Cannot find device='x' nor node-name='x'"}};
  for (const auto& [name, text] : names) {
    CAPTURE(name);
    image("top", "json:" + name);
    CHECK(add("top", true) == "Could not open backing file: " + text);
    CHECK(nodes() == json::array());
  }
  image("top", "json:{");
  CHECK(std::string(add("top", true))
            .starts_with("Could not open backing file: Could not parse the JSON options: "));
}

}  // namespace
}  // namespace tests
