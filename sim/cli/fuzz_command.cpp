// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "sim/casting.h"
#include "sim/cli/cast_options.h"
#include "sim/cli/cli.h"
#include "sim/cli/jobs_option.h"
#include "sim/fuzz/summary.h"
#include "sim/interrupt.h"
#include "sim/usage_error.h"

namespace sim::cli {

namespace {

struct FuzzArguments {
  fuzz::Campaign campaign;
  CastOptions cast;
  std::string subjects = "model,engine";
  std::string profile = "default";
  std::optional<std::string> time;
  std::string shard;
  bool json = false;
};

/// All of `text` as a number; nothing if it is none.
std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// "90", "90s", "10m" or "2h".
std::chrono::seconds time_of(const std::string& text) {
  const std::string_view units = "smh";
  const std::size_t unit = units.find(text.empty() ? '?' : text.back());
  const bool has_unit = unit != std::string_view::npos;
  const auto number = number_of(std::string_view(text).substr(0, text.size() - has_unit));
  if (!number || *number > 1'000'000)
    throw UsageError("--time " + text + ": expected 90s, 10m or 2h");
  const std::uint64_t factor = !has_unit || unit == 0 ? 1 : unit == 1 ? 60 : 3600;
  return std::chrono::seconds(*number * factor);
}

/// "2/5": the second of five.
void set_shard(const std::string& text, fuzz::Campaign& campaign) {
  const std::size_t slash = text.find('/');
  const auto shard = number_of(std::string_view(text).substr(0, slash));
  const auto shards = slash == std::string::npos
                          ? std::nullopt
                          : number_of(std::string_view(text).substr(slash + 1));
  if (!shard || !shards || *shard < 1 || *shard > *shards) {
    throw UsageError("--shard " + text + ": expected I/N with I from 1 to N");
  }
  campaign.shard = *shard - 1;
  campaign.shards = *shards;
}

int fuzz_with(FuzzArguments& arguments) {
  fuzz::Campaign& campaign = arguments.campaign;
  campaign.profile = fuzz::find_profile(arguments.profile);
  campaign.cast = arguments.cast.chosen(arguments.subjects);
  campaign.directory = arguments.cast.directory;
  meet_qemus(campaign.cast, find_project());
  if (!arguments.shard.empty()) set_shard(arguments.shard, campaign);
  if (arguments.time) {
    campaign.time = time_of(*arguments.time);
    campaign.runs = std::numeric_limits<std::uint64_t>::max() / 2;
  }
  const fuzz::Outcome outcome =
      fuzz::carry_out(campaign, isatty(STDERR_FILENO) ? &std::cerr : nullptr);
  // Not part of the summary, which is the same however often a campaign is carried out.
  std::cerr << fuzz::earlier_text(outcome.earlier);
  const nlohmann::json summary = fuzz::summary_of(campaign, outcome);
  std::cout << (arguments.json ? summary.dump(2) + "\n" : fuzz::summary_text(summary));
  const bool failed =
      !outcome.found.empty() || std::ranges::any_of(outcome.earlier, [](const fuzz::Earlier& each) {
        return each.failure.has_value();
      });
  return failed ? 1 : outcome.interrupted ? InterruptGuard::status() : 0;
}

/// What --help says after the options.
std::string manual() {
  std::string text =
      "A run is drawn from the seed and its number, so the same command tells the same, whatever\n"
      "--jobs is. A run that differs, crashes us or takes a minute of processor time is a "
      "failure:\n"
      "one of each kind is made short, and kept as a scenario in DIR, where a later fuzz tries it\n"
      "first; 'blocktwin replay FILE' shows it on other subjects. Ctrl-C ends with a summary of\n"
      "what was done. The summary tells what was reached of commands, refusals, events, job "
      "states\n"
      "and rules, and what was not. Exit status: 0 no failure; 1 a failure, now or in DIR; 2 "
      "usage;\n130 Ctrl-C before a failure.\n"
      "\nOn several machines:\n"
      "  blocktwin fuzz --runs 100000 --shard 1/3 --json > 1.json    (2/3, 3/3 elsewhere)\n"
      "  blocktwin merge 1.json 2.json 3.json\n\nProfiles:\n";
  for (const fuzz::Profile& each : fuzz::profiles()) {
    text += fmt::format("  {:<9} {}\n", each.name, each.about);
  }
  text.pop_back();
  return text;
}

}  // namespace

void add_fuzz(CLI::App& program, int& status) {
  const auto arguments = std::make_shared<FuzzArguments>();
  fuzz::Campaign& campaign = arguments->campaign;
  campaign.out = "fuzz-failures";
  CLI::App* command = program.add_subcommand(
      "fuzz", "run random scenarios in lockstep, and make those short that show a difference");
  add_seed(*command, campaign.seed, "of the campaign");
  command->add_option("--runs", campaign.runs, "how many runs")
      ->check(CLI::Range(1, 1'000'000'000))
      ->capture_default_str();
  command->add_option("--time", arguments->time,
                      "run for so long instead, all included: 90s, 10m, 2h");
  command->add_flag("--until-failure", campaign.until_failure, "end with the first run that fails");
  command->add_option("--steps", campaign.steps, "steps of a run")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command->add_option("--subject", arguments->subjects, "of model, engine, qemu and others")
      ->type_name("NAME,…")
      ->capture_default_str();
  command->add_option("--profile", arguments->profile, "what runs do, see below")
      ->type_name("NAME")
      ->capture_default_str();
  add_jobs(*command, campaign.jobs, "how many runs go on at once");
  command->add_option("--shard", arguments->shard, "only every N-th run, from the I-th on")
      ->type_name("I/N");
  command->add_option("--out", campaign.out, "where the scenarios of failures go")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_option("--trials", campaign.trials, "how many tries to make a failure short")
      ->capture_default_str();
  command->add_flag_callback(
      "--or-seen", [&campaign] { campaign.likeness = fuzz::Likeness::seen; },
      "let a failure become another one that is seen by show, when it is made short");
  command->add_flag("--json", arguments->json, "print the summary as JSON");
  arguments->cast.add_to(*command);
  command->footer(manual());
  command->callback([arguments, &status] { status = fuzz_with(*arguments); });
}

}  // namespace sim::cli
