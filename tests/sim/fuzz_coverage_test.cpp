// SPDX-License-Identifier: MIT
// What random runs are to reach, held to what there is.
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "sim/fuzz/coverage.h"
#include "sim/fuzz/program.h"
#include "sim/fuzz/refusals.h"
#include "sim/subjects.h"
#include "tests/catch.h"

namespace {

using namespace sim::fuzz;
using nlohmann::json;

/// A text that RULES.md has in backquotes, and the rules that it stands under: one, or some that
/// share their text.
struct Quoted {
  std::vector<std::string> rules;
  std::string text;
};

struct Rules {
  std::set<std::string> numbers;
  std::vector<Quoted> texts;
};

std::vector<std::string> numbers_in(const std::string& text) {
  const std::regex number("[SMB][0-9]+");
  std::vector<std::string> numbers;
  for (std::sregex_iterator each(text.begin(), text.end(), number), end; each != end; ++each) {
    numbers.push_back(each->str());
  }
  return numbers;
}

Rules stated_rules() {
  std::ifstream in(std::string(SOURCE_DIR) + "/model/RULES.md");
  std::ostringstream all;
  all << in.rdbuf();
  const std::string text = std::regex_replace(all.str(), std::regex("\\s+"), " ");
  Rules rules;
  std::vector<std::string> current;
  const std::regex mark("\\*\\*([SMB][0-9]+[^*]*)\\*\\*|`([^`]*)`");
  for (std::sregex_iterator each(text.begin(), text.end(), mark), end; each != end; ++each) {
    if ((*each)[1].matched) {
      current = numbers_in((*each)[1]);
      rules.numbers.insert(current.begin(), current.end());
    } else if (!current.empty()) {
      rules.texts.push_back({current, (*each)[2]});
    }
  }
  return rules;
}

/// Texts in backquotes that are no refusals: commands, arguments, values, and beginnings of texts
/// that other entries have in full.
const std::set<std::string> no_refusals = {"-._",
                                           "aio_flush",
                                           "aio_write",
                                           "auto",
                                           "cancel",
                                           "complete",
                                           "drive",
                                           "disabled",
                                           "drive_del",
                                           "flush",
                                           "in-use",
                                           "inconsistent",
                                           "may",
                                           "must",
                                           "node=DEVICE",
                                           "paused",
                                           "pending",
                                           "quit",
                                           "running|ready",
                                           "speed",
                                           "write",
                                           "write 0 64k",
                                           "await_event",
                                           "bitmaps",
                                           "bitmaps[0].name",
                                           "format",
                                           "id",
                                           "(null)",
                                           "\"backing\": null",
                                           "BlockdevRefOrNull",
                                           "af5570f5…e83dfc",
                                           "b3ab6982…993f05",
                                           "blockdev-add",
                                           "blockdev-del",
                                           "blockdev-snapshot",
                                           "query-block",
                                           "query-named-block-nodes",
                                           "must×granularity … may×granularity",
                                           "json:{\"backing\": {…}, \"driver\": \"qcow2\", "
                                           "\"file\": {\"driver\": \"file\", \"filename\": \"F\"}}",
                                           "qemu-img: FILE: ",
                                           "waiting"};

/// Either may leave a part open.
bool says(const Refusal& refusal, const Quoted& quoted) {
  return std::ranges::find(quoted.rules, refusal.rule) != quoted.rules.end() &&
         (fits(refusal.text, quoted.text) || fits(quoted.text, refusal.text));
}

std::set<std::string> names_of(Goal::Kind kind) {
  std::set<std::string> names;
  for (const Goal& goal : goals()) {
    if (goal.kind == kind) names.insert(goal.name);
  }
  return names;
}

}  // namespace

TEST_CASE("every refusal that the rules list is to be reached") {
  const Rules rules = stated_rules();
  REQUIRE(rules.texts.size() > 150);
  for (const Quoted& quoted : rules.texts) {
    INFO(quoted.rules.front() << " `" << quoted.text << "`");
    const auto is_it = [&](const Refusal& each) { return says(each, quoted); };
    CHECK((no_refusals.contains(quoted.text) || std::ranges::any_of(refusals(), is_it)));
  }
}

TEST_CASE("nothing is to be reached that no rule lists") {
  const Rules rules = stated_rules();
  for (const Refusal& each : refusals()) {
    INFO(each.name());
    CHECK(
        std::ranges::any_of(rules.texts, [&](const Quoted& quoted) { return says(each, quoted); }));
  }
}

TEST_CASE("every rule is a goal, and every goal that is a rule is one") {
  CHECK(names_of(Goal::Kind::rule) == stated_rules().numbers);
}

TEST_CASE("every command of the engine is a goal") {
  const auto engine = sim::make_engine_subject(sim::StorageKind::sim, {}, sim::Timing::instant);
  const std::set<std::string> steps = names_of(Goal::Kind::step);
  const json commands = engine->execute({{"execute", "query-commands"}})["return"];
  REQUIRE(commands.size() > 30);
  for (const json& command : commands) {
    INFO(command);
    CHECK(steps.contains(command["name"]));
  }
}

TEST_CASE("a pattern fits what it says, and any text where it says …") {
  CHECK(fits("Job not found", "Job not found"));
  CHECK_FALSE(fits("Job not found", "Job not found here"));
  CHECK(fits("Node '…' not found", "Node 'a' not found"));
  CHECK_FALSE(fits("Node '…' not found", "Node 'a' was not seen"));
  CHECK(fits("…expects uint32_t", "Parameter 'x' expects uint32_t"));
  CHECK(fits("a … b … c", "a 1 b 2 b 3 c"));
  CHECK_FALSE(fits("a … b … c", "a 1 b 2"));
}

TEST_CASE("what was not reached is told, and why where it cannot be") {
  Statistics statistics;
  CHECK(coverage(Goal::Kind::event, statistics).reached == 0);
  statistics.events["BLOCK_JOB_READY"] = 1;
  CHECK(coverage(Goal::Kind::event, statistics).reached == 1);
  const json told = coverage_json(statistics);
  CHECK(told["events"]["not-reached"] ==
        json{"BLOCK_JOB_COMPLETED", "BLOCK_JOB_CANCELLED", "BLOCK_JOB_PENDING", "BLOCK_JOB_ERROR"});
  CHECK(told["job-states"]["excused"].contains("aborting"));
  const std::string text = coverage_text(told);
  CHECK(text.find("events: not reached: BLOCK_JOB_ERROR\n") != std::string::npos);
  CHECK(text.find("job-states: out of reach: aborting (") != std::string::npos);
}

TEST_CASE("a few hundred runs reach most of it") {
  Statistics statistics;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    generate(seed, find_profile(seed % 2 == 0 ? "default" : "errors"), 40, statistics);
  }
  const Coverage refusals = coverage(Goal::Kind::refusal, statistics);
  INFO(coverage_text(coverage_json(statistics)));
  CHECK(refusals.reached * 10 > refusals.all * 8);
  const Coverage steps = coverage(Goal::Kind::step, statistics);
  CHECK(steps.reached * 10 > steps.all * 9);
}
