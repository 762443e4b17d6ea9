// SPDX-License-Identifier: MIT
#include "sim/verdict.h"

#include <rapidcheck.h>

#include <nlohmann/json.hpp>
#include <set>

#include "sim/runs.h"
#include "tests/catch.h"

using nlohmann::json;
using sim::Fault;
using sim::Finding;

namespace {

std::string judged(const char* allowed, const char* seen) {
  const auto finding = sim::compare(json::parse(allowed), json::parse(seen));
  return finding ? finding->where + ": " + to_string(finding->fault) : "allowed";
}

json dirty(const char* must, const char* may) {
  return {{"must", json::parse(must)}, {"may", json::parse(may)}};
}

/// Runs as plain sets of bytes, for the dumb twin.
std::set<std::uint64_t> bytes_of(const std::vector<sim::ByteRun>& runs) {
  std::set<std::uint64_t> bytes;
  for (const sim::ByteRun& run : runs) {
    for (std::uint64_t at = run.start; at < run.end; ++at) bytes.insert(at);
  }
  return bytes;
}

std::vector<sim::ByteRun> some_runs() {
  json runs = json::array();
  std::uint64_t at = 0;
  for (int i = *rc::gen::inRange(0, 6); i > 0; --i) {
    at += *rc::gen::inRange<std::uint64_t>(0, 5);
    const auto length = *rc::gen::inRange<std::uint64_t>(1, 5);
    runs.push_back({at, length});
    at += length;
  }
  return sim::runs_of(runs);
}

}  // namespace

TEST_CASE("what is equal is allowed, and a difference says where it is") {
  CHECK(judged(R"({"return": {}})", R"({"return": {}})") == "allowed");
  CHECK(judged(R"({"return": {}})", R"({"error": {"desc": "x"}})") == "error: different");
  CHECK(judged(R"({"a": [{"b": 1}, {"b": 2}]})", R"({"a": [{"b": 1}, {"b": 3}]})") ==
        "a[1].b: different");
  CHECK(judged(R"({"a": [1]})", R"({"a": [1, 2]})") == "a: different");
  CHECK(judged(R"({"a": 1})", R"({})") == "a: different");
  CHECK(judged("null", "{}") == ": different");
}

TEST_CASE("allowed sets allow what is in them and nothing else") {
  CHECK(judged(R"({"$between": [1, 3]})", "3") == "allowed");
  CHECK(judged(R"({"$between": [1, 3]})", "4") == ": different");
  CHECK(judged(R"({"$between": [1, 3]})", R"("2")") == ": different");
  CHECK(judged(R"({"s": {"$one-of": ["running", "ready"]}})", R"({"s": "ready"})") == "allowed");
  CHECK(judged(R"({"s": {"$one-of": ["running", "ready"]}})", R"({"s": "null"})") ==
        "s: different");
  CHECK(judged(R"({"s": {"$one-of": [{"a": {"$between": [0, 9]}}, null]}})",
               R"({"s": {"a": 7}})") == "allowed");
  CHECK(judged(R"({"s": {"$one-of": [null, 1]}})", "{}") == "allowed");
  CHECK(judged(R"({"s": {"$any": true}})", "{}") == "allowed");
  CHECK(judged(R"({"$any": true})", R"([1, {"x": 2}])") == "allowed");
  CHECK(judged("[1, 2]", R"({"$any": true})") == "allowed");
}

TEST_CASE("counts of dirt that are wrong are told apart by their direction") {
  CHECK(judged(R"([{"count": 65536}])", R"([{"count": 0}])") ==
        "[0].count: under-dirty (data loss)");
  CHECK(judged(R"([{"count": 0}])", R"([{"count": 65536}])") == "[0].count: over-dirty (waste)");
  CHECK(judged(R"({"dirty-clusters": {"$between": [1, 2]}})", R"({"dirty-clusters": 0})") ==
        "dirty-clusters: under-dirty (data loss)");
  CHECK(judged(R"({"dirty-clusters": {"$between": [1, 2]}})", R"({"dirty-clusters": 3})") ==
        "dirty-clusters: over-dirty (waste)");
  CHECK(judged(R"({"len": 1})", R"({"len": 0})") == "len: different");
}

TEST_CASE("dirty runs lie between what must and what may be dirty") {
  const json allowed = dirty("[[0,512]]", "[[0,2048]]");
  CHECK_FALSE(sim::compare_dirty(allowed, dirty("[[0,512]]", "[[0,512]]")));
  CHECK_FALSE(sim::compare_dirty(allowed, dirty("[[0,1024],[1024,1024]]", "[]")));
  CHECK_FALSE(sim::compare_dirty(allowed, json{{"$any", true}}));
  const auto lost = sim::compare_dirty(allowed, dirty("[[256,1024]]", "[]"));
  REQUIRE(lost);
  CHECK(lost->fault == Fault::under_dirty);
  CHECK(lost->where == "at offset 0, 256 bytes");
  const auto waste = sim::compare_dirty(allowed, dirty("[[0,512],[2048,512]]", "[]"));
  REQUIRE(waste);
  CHECK(waste->fault == Fault::over_dirty);
  CHECK(waste->where == "at offset 2048, 512 bytes");
  CHECK(sim::compare_dirty(allowed, json::parse(R"({"error": {"desc": "x"}})")));
}

TEST_CASE("hashed bits are held against the hash of what is allowed") {
  json seen{{"size", 1048576}, {"granularity", 65536}, {"count", 131072}};
  // Python: sha256(struct.pack("<Q", 0b101))
  seen["sha256"] = "f13ee6ed54ea2aae9fc49a9faeb5da6e8ddef0e12ed5d30d35a624ae813e0485";
  const json allowed = dirty("[[0,65536],[131072,65536]]", "[[0,65536],[131072,65536]]");
  CHECK_FALSE(sim::compare_dirty(allowed, seen));
  CHECK_FALSE(sim::compare_dirty(seen, allowed));
  const json moved = dirty("[[0,65536],[196608,65536]]", "[[0,65536],[196608,65536]]");
  CHECK(sim::compare_dirty(moved, seen)->fault == Fault::different);
  const json more = dirty("[[0,196608]]", "[[0,196608]]");
  CHECK(sim::compare_dirty(more, seen)->fault == Fault::under_dirty);
  const json fewer = dirty("[[0,65536]]", "[[0,65536]]");
  CHECK(sim::compare_dirty(fewer, seen)->fault == Fault::over_dirty);
  CHECK_FALSE(sim::compare_dirty(dirty("[]", "[[0,65536]]"), seen));
}

TEST_CASE("the first run outside agrees with plain sets") {
  CHECK(rc::check([] {
    const auto inner = some_runs(), outer = some_runs();
    std::set<std::uint64_t> missing = bytes_of(inner);
    for (const std::uint64_t byte : bytes_of(outer)) missing.erase(byte);
    const auto found = sim::first_outside(inner, outer);
    RC_ASSERT(found.has_value() == !missing.empty());
    if (!found) return;
    RC_ASSERT(found->start == *missing.begin());
    for (std::uint64_t at = found->start; at < found->end; ++at) RC_ASSERT(missing.contains(at));
  }));
}

TEST_CASE("each byte of the disk is one of those allowed there") {
  const json allowed = json::parse("[[0,512,[1,2]],[512,512,[0]]]");
  CHECK_FALSE(sim::compare_data(allowed, json::parse("[[0,512,[1]],[512,512,[0]]]")));
  CHECK_FALSE(sim::compare_data(allowed, json::parse("[[0,5,[1]],[5,507,[2]],[512,512,[0]]]")));
  const auto wrong = sim::compare_data(allowed, json::parse("[[0,1024,[1]]]"));
  REQUIRE(wrong);
  CHECK(wrong->where == "at offset 512, 512 bytes");
  CHECK(wrong->expected == "0");
  CHECK(wrong->seen == "0x01");
  CHECK(sim::compare_data(allowed, json::parse("[[0,512,[1]]]")));
}
