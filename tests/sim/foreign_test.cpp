// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "sim/foreign/disk.h"
#include "sim/foreign/layout.h"
#include "sim/script/script.h"
#include "sim/subject.h"
#include "sim/subjects.h"
#include "tests/catch.h"
#include "tests/sim/scenario_of.h"

namespace {

namespace foreign = sim::foreign;
using nlohmann::json;
using sim::Subject;

using Words = std::vector<std::pair<std::string, std::string>>;

constexpr const char* file = "TEST_DIR/PID-a";

/// What is wrong with a description; empty if nothing is.
std::string fault_of(const std::string& size, const Words& words) {
  try {
    foreign::described(size, words);
    return "";
  } catch (const foreign::Malformed& malformed) {
    return malformed.expected + ", found " + malformed.found;
  }
}

std::unique_ptr<Subject> engine_with(const std::string& size, const Words& words) {
  auto engine = sim::make_engine_subject(sim::StorageKind::sim, "", sim::Timing::instant);
  REQUIRE(engine->find_image(file, foreign::described(size, words)) ==
          json{{"return", json::object()}});
  return engine;
}

json contents(const std::string& size, const Words& words) {
  const auto engine = engine_with(size, words);
  REQUIRE(engine->add_drive({{"id", "d"}, {"file", file}}).contains("return"));
  return engine->contents("d");
}

json found_by_check(const Words& words) { return engine_with("1M", words)->image_check(file); }

}  // namespace

TEST_CASE("a description that makes no image is told with what is wrong") {
  CHECK(fault_of("1M", {{"data", "0+64K:1"}}).empty());
  for (const auto& [key, text] : Words{{"data", "0+64K"},
                                       {"data", "0:1"},
                                       {"compressed", "0+64K:256"},
                                       {"zeros", "0-64K"},
                                       {"cluster_size", "1000"},
                                       {"cluster_size", "4M"},
                                       {"refcount_bits", "3"},
                                       {"compat", "1.0"},
                                       {"compression", "lzma"},
                                       {"snapshot", ""},
                                       {"snapshot", "s:8"},
                                       {"bitmap", "b"},
                                       {"bitmap", "b:1000"},
                                       {"extension", "0x23852875:24"},
                                       {"incompatible", "3"},
                                       {"autoclear", "0"},
                                       {"corrupt", "off"},
                                       {"l1", "-1"}}) {
    INFO(key << "=" << text);
    CHECK_FALSE(fault_of("1M", {{key, text}}).empty());
  }
  CHECK_FALSE(fault_of("0", {}).empty());
  CHECK_FALSE(fault_of("1M", {{"compat", "0.10"}, {"zeros", "0+64K"}}).empty());
  CHECK_FALSE(fault_of("1M", {{"bitmap", "b:64K"}, {"bitmap", "b:512"}}).empty());
  CHECK_FALSE(fault_of("1G", {{"data", "0+1G:1"}}).empty());
  CHECK_FALSE(fault_of("64T", {{"cluster_size", "512"}}).empty());
  CHECK_FALSE(fault_of("1M", {{"cluster_size", "512"}, {"extension", "0x1234:400"}}).empty());
  // A refcount of 2 bits counts three tables, not four.
  Words snapshots{
      {"refcount_bits", "2"}, {"data", "0+64K:1"}, {"snapshot", "a"}, {"snapshot", "b"}};
  CHECK(fault_of("1M", snapshots).empty());
  snapshots.emplace_back("snapshot", "c");
  CHECK_FALSE(fault_of("1M", snapshots).empty());
}

TEST_CASE("each kind of cluster is read as it was described, small and large") {
  for (const std::string size : {"512", "4096", "65536", "2M"}) {
    CAPTURE(size);
    const Words words{{"cluster_size", size},    {"data", "0+2M:1"}, {"compressed", "2M+2M:2"},
                      {"zeros", "4M+2M"},        {"snapshot", "s"},  {"mapped-zeros", "6M+2M"},
                      {"compressed", "1M+512:3"}};
    const std::uint64_t cluster = std::stoul(size == "2M" ? "2097152" : size);
    const json seen = contents("10M", words);
    const std::uint64_t third = 1048576 / cluster * cluster;
    json expected = json::array();
    if (third > 0) expected.push_back({0, third, {1}});
    expected.push_back({third, cluster, {3}});
    if (third + cluster < 2097152)
      expected.push_back({third + cluster, 2097152 - third - cluster, {1}});
    expected.push_back({2097152, 2097152, {2}});
    expected.push_back({4194304, 6291456, {0}});
    CHECK(seen == expected);
  }
}

TEST_CASE("a check finds what the description says, and nothing else") {
  const json sound{{"corruptions", 0}, {"leaks", 0}};
  for (const char* width : {"1", "2", "4", "8", "16", "32", "64"}) {
    CAPTURE(width);
    Words words{{"refcount_bits", width},
                {"cluster_size", "512"},
                {"compressed", "0+256K:2"},
                {"data", "256K+64K:1"}};
    CHECK(found_by_check(words) == sound);
    if (std::string(width) == "1") continue;
    words.insert(words.end(), {{"snapshot", "a"}, {"compressed", "0+64K:3"}, {"zeros", "300K+4K"}});
    CHECK(found_by_check(words) == sound);
  }
  CHECK(found_by_check({{"bitmap", "b:512:auto:0+1M"}, {"bitmap", "c:512:0+64K"}}) == sound);
  CHECK(found_by_check({{"leaked", "3"}}) == json{{"corruptions", 0}, {"leaks", 3}});
  const Words lost{{"data", "0+256K:1"}, {"dirty", "2"}};
  CHECK(found_by_check(lost) == json{{"corruptions", 4}, {"leaks", 0}});
  CHECK(foreign::facts_of(foreign::described("1M", lost)).corruptions == 4);
  // What only a snapshot has keeps its refcount.
  const Words old{{"data", "0+64K:1"},
                  {"snapshot", "s"},
                  {"compressed", "0+64K:2"},
                  {"data", "64K+64K:3"},
                  {"dirty", "2"}};
  CHECK(found_by_check(old) == json{{"corruptions", 2}, {"leaks", 0}});
  CHECK(foreign::facts_of(foreign::described("1M", old)).corruptions == 2);
}

TEST_CASE("no file of another is made anew") {
  const auto model = sim::make_model_subject();
  const auto engine = sim::make_engine_subject(sim::StorageKind::sim, "", sim::Timing::instant);
  for (Subject* subject : {model.get(), engine.get()}) {
    CAPTURE(subject->name());
    REQUIRE(subject->create_image({{"file", file}, {"size", "1M"}}).contains("return"));
    const json answer = subject->find_image(file, foreign::described("2M", {}));
    CHECK(answer["error"]["desc"] == foreign::there_already);
    CHECK(subject->image_info(file)["virtual-size"] == 1048576);
  }
}

TEST_CASE("a foreign image names no file outside of the scenario's directory") {
  const auto read = [](const std::string& words) {
    return scenario_of("foreign TEST_DIR/PID-a 1M " + words + "\n");
  };
  CHECK_NOTHROW(read("backing_file=PID-b"));
  CHECK_NOTHROW(
      read(R"(backing_file="json:{\"driver\":\"file\",\"filename\":\"TEST_DIR/PID-b\"}")"));
  for (
      const std::string words :
      {"backing_file=/etc/passwd", "backing_file=nbd:localhost", "backing_file=TEST_DIR/../x",
       R"(backing_file="json:{\"driver\":\"file\",\"filename\":\"/etc/passwd\"}")",
       R"(backing_file="json:{\"file.filename\":\"TEST_DIR/PID-b\"}")",
       R"(backing_file="json:{\"file.driver\":\"file\",\"file.filename\":\"/etc/passwd\"}")",
       R"(backing_file="json:{\"file\":1,\"file.driver\":\"file\"}")",
       R"(backing_file="json:{\"driver\":\"file\",\"filename\":7}")", R"(backing_file="json:{")",
       R"(backing_file="json:{\"driver\":\"file\",\"filename\":\"TEST_DIR/PID-b\",\"aio\":\"native\"}")",
       R"(backing_file="json:{\"driver\":\"nbd\",\"host\":\"localhost\"}")", "datta=0+64K:1",
       "data", "data=0+64K:x"}) {
    INFO(words);
    CHECK_THROWS_AS(read(words), sim::script::ScriptError);
  }
}
