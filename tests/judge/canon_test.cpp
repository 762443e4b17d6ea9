// SPDX-License-Identifier: MIT
#include "sim/canon.h"

#include <nlohmann/json.hpp>

#include "sim/allowed.h"
#include "sim/hmp.h"
#include "sim/json_text.h"
#include "sim/names.h"
#include "tests/catch.h"

using nlohmann::json;

namespace {

json reply(const char* command, const char* text) {
  return sim::canonical_reply(command, json::parse(text))["return"];
}

}  // namespace

TEST_CASE("query-block keeps what concerns blocks and bitmaps") {
  const json seen = reply("query-block", R"({"return": [{"device": "drive0", "locked": false,
      "type": "unknown", "inserted": {"node-name": "#block123", "drv": "qcow2", "ro": false,
        "file": "F", "backing_file_depth": 0, "iops": 0, "encrypted": false,
        "dirty-bitmaps": [{"count": 0, "granularity": 65536},
                          {"name": "b", "count": 0, "granularity": 65536}],
        "image": {"filename": "F", "format": "qcow2", "virtual-size": 512, "cluster-size": 65536,
                  "actual-size": 200704, "dirty-flag": false}}}]})");
  CHECK(seen == json::parse(R"([{"device": "drive0", "inserted": {"node-name": "#block",
      "drv": "qcow2", "ro": false, "file": "F", "backing_file_depth": 0,
      "dirty-bitmaps": [{"name": "b", "count": 0, "granularity": 65536}],
      "image": {"filename": "F", "format": "qcow2", "virtual-size": 512,
                "cluster-size": 65536}}}])"));
}

TEST_CASE("a node with unnamed bitmaps only has none") {
  const json seen = reply("query-block", R"({"return": [{"device": "d", "inserted":
      {"dirty-bitmaps": [{"name": "", "count": 0}, {"count": 1}]}}]})");
  CHECK(seen == json::parse(R"([{"device": "d", "inserted": {}}])"));
}

TEST_CASE("named nodes come without their files, in an order of their own") {
  const json seen = reply("query-named-block-nodes", R"({"return": [
      {"node-name": "b", "drv": "qcow2"}, {"node-name": "#block7", "drv": "file"},
      {"node-name": "a", "drv": "raw"}]})");
  const json turned = reply("query-named-block-nodes", R"({"return": [
      {"node-name": "a", "drv": "raw"}, {"node-name": "b", "drv": "qcow2"}]})");
  CHECK(seen == turned);
  CHECK(seen.size() == 2);
}

TEST_CASE("versions are not compared, errors and other replies are, word by word") {
  CHECK(reply("query-version", R"({"return": {"package": "x"}})") ==
        sim::Allowed::any("each program has its own"));
  const json error =
      json::parse(R"({"error": {"class": "GenericError", "desc": "no '#block12x'"}})");
  CHECK(sim::canonical_reply("query-block", error)["error"]["desc"] == "no '#blockx'");
}

TEST_CASE("events lose their time") {
  const json event = sim::canonical_event(
      json::parse(R"({"event": "E", "timestamp": {"seconds": 1, "microseconds": 2}})"));
  CHECK(event["timestamp"] == json::parse(R"({"seconds": "SECS", "microseconds": "USECS"})"));
  CHECK(sim::canonical_event(json::parse(R"({"event": "E"})")).contains("timestamp"));
}

TEST_CASE("JSON is printed as the documented transcripts have it") {
  CHECK(sim::json_text(json::parse(R"({"b": [1, "é"], "a": {}, "c": null})")) ==
        R"({"a": {}, "b": [1, "\u00e9"], "c": null})");
  CHECK(sim::request_text(json::parse(R"({"id": 1, "arguments": {"z": 1, "a": 2},
                                          "execute": "x"})")) ==
        R"({"execute": "x", "arguments": {"a": 2, "z": 1}, "id": 1})");
  CHECK(sim::json_text(json::parse(R"({"n": {"$between": [0, 65536]},
                                       "s": {"$one-of": ["running", "ready"]},
                                       "x": {"$any": true}})")) ==
        R"({"n": "0..65536", "s": "running|ready", "x": "any"})");
  CHECK(sim::json_text("broken \xff") == R"("broken \ufffd")");
}

TEST_CASE("real paths are hidden everywhere, and found again") {
  const sim::Names names("/tmp/a b");
  const json script = json::parse(R"({"f": "TEST_DIR/PID-x", "l": ["json:{TEST_DIR/y}"]})");
  const json real = names.to_real(script);
  CHECK(real["f"] == "/tmp/a b/PID-x");
  CHECK(names.to_script(real) == script);
  CHECK(names.to_script(std::string("Could not open '/tmp/a b/PID-x'")) ==
        "Could not open 'TEST_DIR/PID-x'");
}

TEST_CASE("of guest I/O only trouble is told") {
  CHECK(sim::hmp::io_trouble("",
                             "wrote 512/512 bytes at offset 0\n"
                             "512 bytes, 1 ops; 00.00 sec (9.385 MiB/sec)\n")
            .empty());
  CHECK(sim::hmp::io_trouble("Error: Cannot find device\r\n", "") == "Error: Cannot find device");
  // A leak is no trouble of the guest's.
  CHECK(sim::hmp::io_trouble("",
                             "qcow2_free_clusters failed: Input/output error\nwrite failed: x\n") ==
        "write failed: x");
  CHECK(sim::hmp::io_complaints("qemu-system-x86_64: warning: no\nqcow2: Image is corrupt: x\n"
                                "command \"w\" not found\n") == "command \"w\" not found\n");
  CHECK(sim::hmp::io_trouble("",
                             "Pattern verification failed at offset 0, 512 bytes\n"
                             "read 512/512 bytes at offset 0\n") ==
        "Pattern verification failed at offset 0, 512 bytes");
}

TEST_CASE("drives are plugged as QEMU's monitor wants it") {
  CHECK(sim::hmp::drive_line(json::parse(R"({"id": "d", "file": "a,b \"c\"",
                                             "read-only": "on"})")) ==
        R"(drive_add 0 "if=none,format=qcow2,file=a,,b \"c\",id=d,read-only=on")");
  CHECK(sim::hmp::drive_reply("OK\r\n") == json::parse(R"({"return": {}})"));
  CHECK(sim::hmp::drive_reply("No lock\r\nIs it in use?\r\n")["error"]["desc"] == "No lock");
}
