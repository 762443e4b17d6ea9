// SPDX-License-Identifier: MIT
// What becomes of failures: crashes and hangs, an interrupt, what earlier campaigns found.
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "engine/check.h"
#include "sim/fuzz/campaign.h"
#include "sim/fuzz/forked.h"
#include "sim/fuzz/summary.h"
#include "tests/catch.h"
#include "tests/shell.h"
#include "tests/temp_dir.h"
#include "tests/text.h"

namespace {

using tests::has;
using namespace sim::fuzz;
using nlohmann::json;

bool merges(const std::string& line) { return line.starts_with("block-dirty-bitmap-merge"); }

/// Where the program merges bitmaps, which some runs do: the line's number; 0 if it does not.
std::size_t line_that_merges(const Program& program) {
  const auto line = std::ranges::find_if(program, merges);
  return line == program.end() ? 0 : static_cast<std::size_t>(line - program.begin()) + 1;
}

/// A campaign that does `act` in place of the line that merges, and nothing else.
Campaign campaign_with(const std::string& out,
                       const std::function<std::optional<Failure>(std::size_t)>& act) {
  Campaign campaign;
  campaign.runs = 12;
  campaign.steps = 20;
  campaign.profile = find_profile("bitmaps");
  campaign.cast.subjects = {"model"};
  campaign.out = out;
  campaign.attempt = [act](const Program& program, const std::string&, const sim::Cast&,
                           sim::Workspace*) -> std::optional<Failure> {
    const std::size_t line = line_that_merges(program);
    if (line == 0) return std::nullopt;
    return act(line);
  };
  return campaign;
}

Failure any_failure(std::size_t line) { return {line, "planted", "  planted\n"}; }

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("a crash is a failure with a seed and a scenario, and the campaign goes on") {
  const tests::TempDir directory;
  const Campaign campaign =
      campaign_with(directory / "out", [](std::size_t) -> std::optional<Failure> {
        raise(SIGKILL);  // Catch catches the others
        return std::nullopt;
      });
  const Outcome outcome = carry_out(campaign, nullptr);
  CHECK(outcome.statistics.runs == 12);
  REQUIRE(outcome.found.size() == 1);
  const Found& found = outcome.found[0];
  CHECK(found.shrunk.failure.signature == "died of SIGKILL");
  CHECK(found.times > 1);
  REQUIRE(found.shrunk.program.size() == 1);
  CHECK(merges(found.shrunk.program[0]));
  const std::string scenario = read_file(found.file);
  CHECK(has(scenario, "# Found by fuzz: seed 1, run " + std::to_string(found.run) + ","));
  CHECK(has(scenario, "\nblock-dirty-bitmap-merge"));
}

TEST_CASE("a broken invariant is told by what it says") {
  const tests::TempDir directory;
  const Campaign campaign =
      campaign_with(directory / "out", [](std::size_t) -> std::optional<Failure> {
        std::signal(SIGABRT, SIG_DFL);
        engine::check_failed("bits == 0", "bits.cpp", 12);
      });
  const Outcome outcome = carry_out(campaign, nullptr);
  REQUIRE(outcome.found.size() == 1);
  CHECK(outcome.found[0].shrunk.failure.signature ==
        "died of SIGABRT: INVARIANT failed: bits == N at bits.cpp:N");
  CHECK(has(outcome.found[0].shrunk.failure.report, "bits == 0 at bits.cpp:12"));
}

TEST_CASE("a run that turns in circles is a failure") {
  const tests::TempDir directory;
  Campaign campaign = campaign_with(directory / "out", [](std::size_t) -> std::optional<Failure> {
    for (volatile unsigned turns = 0;;) turns = turns + 1;
  });
  campaign.patience = std::chrono::seconds(1);
  campaign.trials = 1;
  campaign.until_failure = true;
  const Outcome outcome = carry_out(campaign, nullptr);
  REQUIRE(outcome.found.size() == 1);
  CHECK(outcome.found[0].shrunk.failure.signature == "took too much processor time");
}

TEST_CASE("the earliest failure ends a campaign that wants no more, however many are at work") {
  const tests::TempDir directory;
  Campaign campaign = campaign_with(directory / "out", any_failure);
  campaign.until_failure = true;
  const json alone = summary_of(campaign, carry_out(campaign, nullptr));
  campaign.jobs = 3;
  const json together = summary_of(campaign, carry_out(campaign, nullptr));
  CHECK(alone == together);
  REQUIRE(alone["failures"].size() == 1);
  CHECK(alone["failures"][0]["times"] == 1);
  CHECK(alone["statistics"]["runs"] == alone["failures"][0]["run"].get<int>() + 1);
}

TEST_CASE("what an earlier campaign found is tried first, and does not change the summary") {
  const tests::TempDir directory;
  const std::string out = directory / "out";
  const Campaign failing = campaign_with(out, any_failure);
  const Outcome first = carry_out(failing, nullptr);
  CHECK(first.earlier.empty());
  const Outcome second = carry_out(failing, nullptr);
  REQUIRE(second.earlier.size() == 1);
  CHECK(has(earlier_text(second.earlier), ".scenario still fails: planted\n"));
  CHECK(summary_of(failing, first) == summary_of(failing, second));

  const Campaign mended = campaign_with(out, [](std::size_t) { return std::nullopt; });
  CHECK(has(earlier_text(carry_out(mended, nullptr).earlier), ".scenario no longer fails\n"));
}

TEST_CASE("an interrupt leaves what was found, at its full length") {
  const tests::TempDir directory;
  Campaign campaign =
      campaign_with(directory / "out", [](std::size_t line) -> std::optional<Failure> {
        static bool sent = false;  // a second one would end the campaign without more ado
        if (!std::exchange(sent, true)) kill(getppid(), SIGINT);
        return any_failure(line);
      });
  // An interrupted process stays interrupted, so it is not this one.
  Forked forked(
      [&](const Tell& tell) { tell(summary_of(campaign, carry_out(campaign, nullptr))); });
  const std::vector<json> summaries = forked.listen();
  REQUIRE(summaries.size() == 1);
  const json& summary = summaries[0];
  CHECK(summary["interrupted"] == true);
  REQUIRE(summary["failures"].size() == 1);
  const json& failure = summary["failures"][0];
  CHECK(failure["program"].size() > 1);
  CHECK(has(failure["report"], "planted"));
  CHECK(has(read_file(failure["file"]), "block-dirty-bitmap-merge"));
}

TEST_CASE("a signal ends fuzz at once, with a summary and a status of its own") {
  const auto [signal, status] = GENERATE(std::pair("INT", 130), std::pair("TERM", 143));
  const tests::TempDir directory;
  const std::string fuzz = std::string("BLOCKTWIN_ROOT='") + SOURCE_DIR + "' '" + BLOCKTWIN +
                           "' fuzz --profile bitmaps --runs 100000000 --jobs 2 --out " +
                           (directory / "out");
  // --preserve-status tells the status of fuzz; 137 if it had to be killed.
  const tests::ShellResult result = tests::shell(
      std::string("timeout --foreground --preserve-status -s ") + signal + " -k 10 2 env " + fuzz);
  CHECK(result.status == status);
  CHECK(has(result.out, "interrupted; seed 1, profile bitmaps"));
}
