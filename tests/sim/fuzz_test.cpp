// SPDX-License-Identifier: MIT
#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "sim/fuzz/campaign.h"
#include "sim/fuzz/forked.h"
#include "sim/fuzz/summary.h"
#include "sim/usage_error.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

namespace {

using namespace sim::fuzz;
using nlohmann::json;

Program drawn(std::uint64_t seed, const std::string& profile) {
  Statistics unused;
  return generate(seed, find_profile(profile), 30, unused);
}

bool has_line(const Program& program, const std::string& start) {
  return std::any_of(program.begin(), program.end(),
                     [&](const std::string& line) { return line.starts_with(start); });
}

/// Fails with `signature` where a disk of 1 MiB and a write beyond its 512 KiB meet.
std::optional<Failure> planted(const Program& program) {
  if (!has_line(program, "create TEST_DIR/a 1048576")) return std::nullopt;
  for (std::size_t i = 0; i < program.size(); ++i) {
    if (!program[i].starts_with("io d write ")) continue;
    if (std::stoul(program[i].substr(11)) >= 524288) return Failure{i + 1, "planted", ""};
  }
  return std::nullopt;
}

Campaign campaign(unsigned jobs, const std::string& out) {
  Campaign campaign;
  campaign.runs = 24;
  campaign.steps = 20;
  campaign.jobs = jobs;
  campaign.profile = find_profile("bitmaps");
  campaign.cast.subjects = {"model", "engine"};
  campaign.out = out;
  return campaign;
}

TEST_CASE("a program is a function of its seed") {
  CHECK(drawn(7, "default") == drawn(7, "default"));
  CHECK(drawn(7, "default") != drawn(8, "default"));
  CHECK(seed_of_run(1, 0) != seed_of_run(1, 1));
  CHECK(seed_of_run(1, 1) != seed_of_run(2, 0));
}

TEST_CASE("a run makes its disk, plugs it and looks at all of it in the end") {
  const Program program = drawn(3, "default");
  CHECK(program[program.front().starts_with("schedule ")].starts_with("create TEST_DIR/PID-0 "));
  CHECK(has_line(program, "drive drive0 "));
  CHECK(has_line(program, "show bitmaps n"));
}

TEST_CASE("a profile that there is not is refused with those that there are") {
  CHECK_THROWS_AS(find_profile("nonsense"), sim::UsageError);
}

TEST_CASE("a failure is made as short as it gets") {
  Program program = {"create TEST_DIR/a 1048576 cluster_size=512", "drive d TEST_DIR/a",
                     "io d write 0 512", "io d write 1040384 512", "show data d"};
  const auto failure = planted(program);
  REQUIRE(failure);
  const Shrunk shrunk = shrink(program, *failure, planted, 1000);
  CHECK(shrunk.program == Program{"create TEST_DIR/a 1048576", "io d write 524288 0"});
  CHECK(shrink(program, *failure, planted, 0).program.size() == 4);
}

TEST_CASE("another failure is not taken for the same") {
  const Trial other = [](const Program& program) -> std::optional<Failure> {
    if (program.size() < 3) return Failure{program.size(), "other", ""};
    return Failure{program.size(), "first", ""};
  };
  const Shrunk shrunk = shrink({"a", "b", "c", "d"}, {4, "first", ""}, other, 100);
  CHECK(shrunk.program.size() == 3);
  const Trial seen = [](const Program& program) -> std::optional<Failure> {
    if (program.size() < 2) return Failure{program.size(), "show; engine: different error", ""};
    return Failure{program.size(), "show; engine: other", ""};
  };
  const Failure first{4, "first", ""};
  CHECK(shrink({"a", "b", "c", "d"}, first, seen, 100).program.size() == 4);
  CHECK(shrink({"a", "b", "c", "d"}, first, seen, 100, Likeness::seen).program.size() == 2);
}

TEST_CASE("two names become one where that saves a line, and what shows early is looked at early") {
  const Trial trial = [](const Program& program) -> std::optional<Failure> {
    const bool used = has_line(program, "create TEST_DIR/PID-0 ") &&
                      (has_line(program, "drive d TEST_DIR/PID-0") ||
                       (has_line(program, "create TEST_DIR/PID-3 ") &&
                        has_line(program, "drive d TEST_DIR/PID-3")));
    const bool seen = has_line(program, "show info TEST_DIR/PID-0") ||
                      (has_line(program, "wait") && has_line(program, "show data d"));
    if (!used || !seen) return std::nullopt;
    return Failure{program.size(), "planted", ""};
  };
  const Program program = {"create TEST_DIR/PID-0 1048576", "create TEST_DIR/PID-3 1048576",
                           "drive d TEST_DIR/PID-3", "wait X", "show data d"};
  const Shrunk shrunk = shrink(program, {5, "planted", ""}, trial, 1000);
  CHECK(shrunk.program == Program{"create TEST_DIR/PID-0 1048576", "drive d TEST_DIR/PID-0",
                                  "show info TEST_DIR/PID-0"});
}

TEST_CASE("a step after which the model would allow everything is not sensible") {
  Program program = {"create TEST_DIR/F 1M",
                     "create TEST_DIR/G 1M",
                     "drive other TEST_DIR/G",
                     "drive d TEST_DIR/F",
                     "block-dirty-bitmap-add node=d name=b persistent=true",
                     "fail TEST_DIR/F write",
                     "io d write 0 512"};
  CHECK(is_sensible(program, "certain"));
  program.push_back("unplug d");
  CHECK(is_sensible(program, "none of its writes succeeds"));
  program[5] = "fail TEST_DIR/F write after=1";
  CHECK_FALSE(is_sensible(program, "some of its writes may"));
}

TEST_CASE("random runs let storage fail, and it works again when all is looked at") {
  Statistics statistics;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Program program = generate(seed, find_profile("errors"), 40, statistics);
    INFO("seed " << seed);
    CHECK(is_sensible(program, "drawn"));
  }
  for (const char* step : {"fail read", "fail write", "fail flush", "fail off"}) {
    INFO(step);
    CHECK(statistics.done.contains(step));
  }
}

TEST_CASE("refusals are counted without names and numbers") {
  CHECK(generalised("Bitmap 'b0' is of 12 bytes") == "Bitmap 'X' is of N bytes");
  CHECK(generalised("can't") == "can't");
  Statistics statistics;
  generate(5, find_profile("default"), 40, statistics);
  CHECK(to_json(statistics_from(to_json(statistics))) == to_json(statistics));
  CHECK(statistics.runs == 1);
  CHECK(statistics.steps >= 30);  // what is drawn and makes no sense is left out
}

TEST_CASE("a campaign is the same with one worker and with three") {
  const tests::TempDir directory;
  const std::string out = directory / "out";
  const Campaign one = campaign(1, out);
  const Outcome alone = carry_out(one, nullptr);
  const Outcome shared = carry_out(campaign(3, out), nullptr);
  CHECK(alone.statistics.runs == 24);
  CHECK(summary_of(one, alone) == summary_of(one, shared));
}

TEST_CASE("shards do the whole between them") {
  const tests::TempDir directory;
  Statistics sum;
  for (std::uint64_t shard = 0; shard < 3; ++shard) {
    Campaign part = campaign(1, directory / "out");
    part.shard = shard;
    part.shards = 3;
    sum.add(carry_out(part, nullptr).statistics);
  }
  const Outcome whole = carry_out(campaign(1, directory / "out"), nullptr);
  CHECK(to_json(sum) == to_json(whole.statistics));
}

TEST_CASE("what dies in a copy of us is told, and what it said before") {
  Forked forked([](const Tell& tell) {
    tell("last words");
    raise(SIGKILL);  // Catch catches the others
  });
  CHECK(forked.listen() == std::vector<json>{"last words"});
  CHECK(forked.listen().empty());
  CHECK(forked.bad_end() == "died of SIGKILL");
}

}  // namespace
