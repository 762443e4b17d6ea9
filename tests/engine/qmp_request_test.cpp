// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/engine/block_world.h"

namespace tests {
namespace {

using nlohmann::json;

/// A request as the wire has it, and what a real QEMU 7.2.22 answered.
struct Exchange {
  const char* request;
  const char* reply;
};

TEST_CASE("malformed requests are answered as QEMU answers them") {
  const Exchange exchanges[]{
      {R"({})", R"({"error":{"class":"GenericError","desc":"QMP input lacks member 'execute'"}})"},
      {R"({"execute":1})",
       R"({"error":{"class":"GenericError","desc":"QMP input member 'execute' must be a string"}})"},
      {R"({"execute":"query-block","bogus":1})",
       R"({"error":{"class":"GenericError","desc":"QMP input member 'bogus' is unexpected"}})"},
      {R"({"execute":"query-block","arguments":1})",
       R"({"error":{"class":"GenericError","desc":"QMP input member 'arguments' must be an object"}})"},
      {R"([])", R"({"error":{"class":"GenericError","desc":"QMP input must be a JSON object"}})"},
      {R"({"execute":"query-block","id":[1]})", R"({"return":[],"id":[1]})"},
      {R"({"execute":"foo","id":3})",
       R"({"id":3,"error":{"class":"CommandNotFound","desc":"The command foo has not been found"}})"},
      {R"({"execute":"block-commit","arguments":{"device":"x"}})",
       R"({"error":{"class":"DeviceNotFound","desc":"Device 'x' not found"}})"},
      {R"({"execute":"qmp_capabilities"})", R"({"return":{}})"},
      {R"({"execute":"qmp_capabilities"})",
       R"({"error":{"class":"CommandNotFound","desc":"Capabilities negotiation is already complete, command ignored"}})"},
  };
  BlockWorld world;
  for (const Exchange& exchange : exchanges) {
    CAPTURE(exchange.request);
    REQUIRE(world.execute(json::parse(exchange.request)) == json::parse(exchange.reply));
  }
}

TEST_CASE("an empty list of merge sources changes nothing, where QEMU crashes (L1)") {
  BlockWorld world;
  world.create("base", {.size = {1 << 20}});
  world.drive("drive0", "base");
  world.qmp("block-dirty-bitmap-add", {{"node", "drive0"}, {"name", "b"}});
  world.io("drive0", "write 0 512");
  const json merge{{"node", "drive0"}, {"target", "b"}, {"bitmaps", json::array()}};
  REQUIRE(world.qmp("block-dirty-bitmap-merge", merge) == json::object());
  REQUIRE(world.bitmap("drive0", "b")["count"] == 65536);
}

TEST_CASE("a line of the human monitor does the same with a request around it and without") {
  const char* lines[]{
      R"(drive_add 0 "if=none,id=a\"\\b,file=base")",
      "drive_add 0 if=none,id=drive0,file=none",
      "drive_add 0 if=none,id=drive0,file=base",
      R"(qemu-io drive0 "write 0\ 512")",
      R"(qemu-io "drive0" "writ\"e)",
      R"(qemu-io drive0 "" x)",
      "qemu-io nobody read",
      "drive_del nobody",
      "foo",
      "",
      "drive_del drive0",
  };
  BlockWorld wrapped, plain;
  for (BlockWorld* world : {&wrapped, &plain}) world->create("base", {.size = {1 << 20}});
  for (const char* line : lines) {
    CAPTURE(line);
    REQUIRE(plain.unwrapped(line) == wrapped.human(line));
    REQUIRE(plain.console == wrapped.console);
  }
  REQUIRE(plain.console.ends_with("command \"writ\"e\" not found\n"));
}

/// A line for qemu-io, and what a real one printed, times left out.
struct Printed {
  const char* command;
  const char* text;
};

TEST_CASE("qemu-io prints what the real one prints") {
  const Printed lines[]{
      {"write 0 1536", "wrote 1536/1536 bytes at offset 0\n1.500 KiB, 1 ops"},
      {"write 1k 1.5k", "wrote 1536/1536 bytes at offset 1024\n1.500 KiB, 1 ops"},
      {"write 0x200 0x200", "wrote 512/512 bytes at offset 512\n512 bytes, 1 ops"},
      {"read -P 7 -s 8 -l 4 0 16",
       "Pattern verification failed at offset 8, 4 bytes\nread 16/16 bytes at offset 0\n16 bytes, "
       "1 "
       "ops"},
      {"write -P 0x41 0 20", "wrote 20/20 bytes at offset 0\n20 bytes, 1 ops"},
      {"read -v 0 20",
       "00000000:  41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41  AAAAAAAAAAAAAAAA\n"
       "00000010:  41 41 41 41  AAAA\nread 20/20 bytes at offset 0\n20 bytes, 1 ops"},
      {"writev 0 512 512", "wrote 1024/1024 bytes at offset 0\n1 KiB, 1 ops"},
      {"discard 0 1", "discard 1/1 bytes at offset 0\n1 bytes, 1 ops"},
      {"write -q 0 512", ""},
      {"flush", ""},
      {"length", "1 MiB\n"},
      {"write 1M 512", "write failed: Input/output error\n"},
      {"write", "bad argument count 0 to write, expected at least 2 arguments\n"},
      {"flush x", "bad argument count 1 to flush, expected 0 arguments\n"},
      {"write x 1",
       "Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- x\n"},
      {"write 8E 1", "Parsing error: argument too large -- 8E\n"},
      {"write -P 999 0 1", "999 is not a valid pattern byte\n"},
      {"write -Q 0 1",
       "write: invalid option -- 'Q'\nwrite [-bcCfnquz] [-P pattern | -s source_file] off len -- "
       "writes a number of bytes at a specified offset\n"},
      {"write -u 0 512", "-u requires -z to be specified\n"},
      {"write -z -P 1 0 1", "Only one of -z, -P, and -s can be specified at the same time\n"},
      {"aio_write -z 0 1 2", "-z supports only a single length parameter\n"},
      {"write 0 3G", "length cannot exceed 2147483136 without -n, given 3G\n"},
      {"discard 0 3G", "length cannot exceed 2147483136, given 3G\n"},
      {"aio_write 0 3G", "Argument '3G' exceeds maximum size 2147483136\n"},
      {"aio_write -z 0 3G", "aio_write failed: Input/output error\n"},
      {"write -z -n 0 3G", "write failed: Input/output error\n"},
      {"aio_write -q -z -P 1 0 512", ""},
      {"foo", "command \"foo\" not found\n"},
  };
  BlockWorld world;
  world.create("base", {.size = {1 << 20}});
  world.drive("drive0", "base");
  for (const Printed& line : lines) {
    CAPTURE(line.command);
    world.io("drive0", line.command);
    const std::string text = line.text;
    const bool report = text.ends_with("ops");
    REQUIRE(world.console.substr(0, report ? text.size() : std::string::npos) == text);
  }
}

}  // namespace
}  // namespace tests
