// SPDX-License-Identifier: MIT
#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/engine/block_world.h"
#include "tests/engine/units.h"

namespace tests {
namespace {

using nlohmann::json;

/// Two images, b over a, and no drive.
struct Images : BlockWorld {
  Images() {
    create("a", {.size = {mib}});
    create("b", {.size = {mib}, .backing_file = "a", .backing_format = "qcow2"});
    create("over", {.size = {mib}});
  }
  json add(const std::string& name, json more = json::object()) {
    json options{{"driver", "qcow2"},
                 {"node-name", name},
                 {"file", {{"driver", "file"}, {"filename", name}}}};
    options.update(more);
    return qmp("blockdev-add", options);
  }
  json remove(const std::string& name) { return qmp("blockdev-del", {{"node-name", name}}); }
  std::size_t nodes() { return qmp("query-named-block-nodes").size(); }
};

TEST_CASE_METHOD(Images, "a node that a client made lives until the client deletes it") {
  REQUIRE(add("a") == json::object());
  REQUIRE(add("b", {{"backing", "a"}}) == json::object());
  REQUIRE(io("b", "write -P 4 0 64k") == "");
  REQUIRE(remove("a") == "Node 'a' is busy: node is used as backing hd of 'b'");
  REQUIRE(remove("b") == json::object());
  REQUIRE(nodes() == 2);
  REQUIRE(remove("a") == json::object());
  REQUIRE(nodes() == 0);
  drive("drive0", "b");
  REQUIRE(contents("drive0") == json::parse("[[0,65536,4],[65536,983040,0]]"));
}

TEST_CASE_METHOD(Images, "deleting a node stores its bitmaps (S44)") {
  add("a");
  qmp("block-dirty-bitmap-add", {{"node", "a"}, {"name", "p"}, {"persistent", true}});
  io("a", "write 0 512");
  REQUIRE(remove("a") == json::object());
  add("a", {{"read-only", true}});
  REQUIRE(bitmap("a", "p")["count"] == 65536);
}

TEST_CASE_METHOD(Images, "without a backing of its own a node reads through what the image names") {
  add("a");
  io("a", "write -P 7 0 64k");
  remove("a");
  REQUIRE(add("b") == json::object());
  REQUIRE(contents("b")[0] == json::parse("[0,65536,7]"));
  REQUIRE(nodes() == 4);
  remove("b");
  REQUIRE(nodes() == 0);
  REQUIRE(add("b", {{"backing", nullptr}}) == json::object());
  REQUIRE(contents("b") == json::parse("[[0,1048576,0]]"));
}

TEST_CASE_METHOD(Images, "what cannot be opened leaves nothing behind") {
  create("c", {.size = {mib}, .backing_file = "nope", .backing_format = "qcow2"});
  REQUIRE(add("c") ==
          "Could not open backing file: Could not open 'nope': No such file or directory");
  REQUIRE(nodes() == 0);
  const json below{{"driver", "qcow2"}, {"file", {{"driver", "file"}, {"filename", "c"}}}};
  REQUIRE(
      add("over", {{"backing", below}}) ==
      "Could not open backing file: Could not open backing file: Could not open 'nope': No such "
      "file or directory");
  REQUIRE(nodes() == 0);
  REQUIRE(qmp("blockdev-add", {{"driver", "file"}, {"node-name", "f"}, {"filename", "a"}}) ==
          json::object());
  REQUIRE(add("x", {{"file", "f"}, {"backing", "nope"}}) ==
          "Could not open backing file: Cannot find device='nope' nor node-name='nope'");
  REQUIRE(nodes() == 1);
}

TEST_CASE_METHOD(Images, "an overlay that the client made goes on top of a drive (S66, S67)") {
  drive("drive0", "a", "node-name=n");
  qmp("block-dirty-bitmap-add", {{"node", "n"}, {"name", "p"}, {"persistent", true}});
  io("drive0", "write -P 1 0 64k");
  add("over", {{"backing", nullptr}});
  qmp("block-dirty-bitmap-add", {{"node", "over"}, {"name", "o"}});
  REQUIRE(qmp("blockdev-snapshot", {{"node", "drive0"}, {"overlay", "over"}}) == json::object());
  REQUIRE(contents("drive0")[0] == json::parse("[0,65536,1]"));
  io("drive0", "write -P 2 64k 64k");
  REQUIRE(bitmap("n", "p")["count"] == 65536);
  REQUIRE(bitmap("drive0", "o")["count"] == 65536);
  REQUIRE(qmp("block-dirty-bitmap-clear", {{"node", "n"}, {"name", "p"}}) ==
          "Bitmap 'p' is readonly and cannot be modified");
  REQUIRE(remove("over") == "Node over is in use");
  human("drive_del drive0");
  REQUIRE(nodes() == 4);
  REQUIRE(remove("over") == json::object());
  REQUIRE(nodes() == 0);
}

TEST_CASE_METHOD(Images, "a job among the client's nodes leaves those that the client owns") {
  add("a", {{"read-only", true}});
  add("b", {{"backing", "a"}});
  io("b", "write -P 5 0 64k");
  REQUIRE(qmp("block-commit", {{"device", "b"}}) == "Invalid job ID ''");
  REQUIRE(qmp("block-commit", {{"device", "b"}, {"job-id", "j"}}) == json::object());
  wait("BLOCK_JOB_READY");
  REQUIRE(remove("a") == "Node a is in use");
  REQUIRE(remove("b") == "Node 'b' is busy: block device is in use by block job: commit");
  qmp("block-job-complete", {{"device", "j"}});
  wait("BLOCK_JOB_COMPLETED");
  settle();
  REQUIRE(contents("a")[0] == json::parse("[0,65536,5]"));
  REQUIRE(remove("b") == json::object());
  REQUIRE(remove("a") == json::object());
}

TEST_CASE_METHOD(Images, "a chain whose bottom has a broken bitmap directory is refused whole") {
  add("a");
  qmp("block-dirty-bitmap-add", {{"node", "a"}, {"name", "p"}, {"persistent", true}});
  remove("a");
  create("c", {.size = {mib}, .backing_file = "b", .backing_format = "qcow2"});
  // The header extension of the bitmaps: its type, its length, and how many there are.
  const std::vector<std::byte> start{std::byte{0x23}, std::byte{0x85}, std::byte{0x28},
                                     std::byte{0x75}, std::byte{0},    std::byte{0},
                                     std::byte{0},    std::byte{24}};
  auto& bytes = host().file("a")->bytes;
  const auto extension = std::search(bytes.begin(), bytes.end(), start.begin(), start.end());
  REQUIRE(extension != bytes.end());
  *(extension + 11) = std::byte{2};
  const std::string why = "Less bitmaps found than specified in header extension";
  REQUIRE(add("a") == why);
  REQUIRE(add("b") == "Could not open backing file: " + why);
  REQUIRE(add("c") == "Could not open backing file: Could not open backing file: " + why);
  REQUIRE(human("drive_add 0 if=none,id=d,file=c,format=qcow2") ==
          "Could not open backing file: Could not open backing file: " + why + "\r\n");
  REQUIRE(nodes() == 0);
}

TEST_CASE_METHOD(Images, "a broken chain closes only what it opened") {
  create("c", {.size = {mib}, .backing_file = "b", .backing_format = "qcow2"});
  REQUIRE(human("drive_add 0 if=none,id=d,file=c,format=qcow2") == "OK\r\n");
  human("drive_del d");
  host().file("a")->bytes[0] = std::byte{0};
  REQUIRE(human("drive_add 0 if=none,id=d,file=c,format=qcow2") ==
          "Could not open backing file: Could not open backing file: Image is not in qcow2 "
          "format\r\n");
  REQUIRE(nodes() == 0);
}

}  // namespace
}  // namespace tests
