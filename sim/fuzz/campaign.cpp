// SPDX-License-Identifier: MIT
#include "sim/fuzz/campaign.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

#include "sim/fuzz/forked.h"
#include "sim/interrupt.h"
#include "sim/qemu_supply.h"
#include "sim/script/script.h"
#include "sim/usage_error.h"
#include "sim/workspace.h"

namespace sim::fuzz {

using nlohmann::json;
using std::chrono::steady_clock;

namespace {

std::unique_ptr<Workspace> workspace_of(const Campaign& campaign) {
  if (!campaign.cast.needs_files()) return nullptr;
  return std::make_unique<Workspace>(campaign.directory);
}

/// A trial in a process of its own; `title` tells its directory from others'.
std::optional<Failure> guarded_attempt(const Campaign& campaign, const Program& program,
                                       const std::string& title, Workspace* workspace) {
  Forked forked([&](const Tell& tell) {
    try {
      if (!is_sensible(program, title)) return;
      const std::optional<Failure> failure = attempt(program, title, campaign.cast, workspace);
      if (failure) tell({failure->steps, failure->signature, failure->report});
    } catch (const script::ScriptError&) {
      // A line that shrinking spoilt: no failure.
    } catch (const UsageError&) {
      // Interrupted: who forked us was too, and knows.
    }
  });
  std::optional<Failure> failure;
  for (std::vector<json> told; !(told = forked.listen()).empty();) {
    failure = Failure{told[0][0], told[0][1], told[0][2]};
  }
  if (const auto signal = forked.died_of()) {
    return Failure{program.size(), "died of " + *signal, "  we died of " + *signal + "\n"};
  }
  return failure;
}

/// Does the runs first, first + stride, … of a campaign, and tells of each: {"start":run}, then
/// {"statistics":…} and, if it failed, {"failure":signature}.
class Worker {
 public:
  Worker(const Campaign& campaign, std::uint64_t number)
      : campaign_(campaign), number_(number), cast_(campaign.cast) {
    if (std::ranges::find(cast_.subjects, "qemu") == cast_.subjects.end()) return;
    cast_.supply = std::make_shared<QemuSupply>(QmpProgram::qemu(cast_.qemu, cast_.limit));
  }

  void work(std::uint64_t first, std::uint64_t stride, steady_clock::time_point end,
            const Tell& tell) {
    const InterruptGuard guard;
    const std::unique_ptr<Workspace> workspace = workspace_of(campaign_);
    try {
      for (std::uint64_t run = first; run < campaign_.runs; run += stride) {
        InterruptGuard::check();
        if (steady_clock::now() >= end) return;
        tell({{"start", run}});
        const bool failed = one(run, workspace.get(), tell);
        if (failed && campaign_.until_failure) return;
      }
    } catch (const UsageError&) {
      // Interrupted: who forked us was too, and knows.
    }
  }

 private:
  /// Whether it failed.
  bool one(std::uint64_t run, Workspace* workspace, const Tell& tell) {
    Statistics statistics;
    const Program program =
        generate(seed_of_run(campaign_.seed, run), campaign_.profile, campaign_.steps, statistics);
    tell({{"statistics", to_json(statistics)}});
    const std::string title = fmt::format("fuzz-{}", number_);
    const auto failure = attempt(program, title, cast_, workspace);
    if (failure) tell({{"failure", failure->signature}});
    return failure.has_value();
  }

  const Campaign& campaign_;
  std::uint64_t number_;
  Cast cast_;  ///< the campaign's, with processes of QEMU that come up ahead of need
};

/// Has workers do the runs, and gathers what they tell.
class Gathering {
 public:
  Gathering(const Campaign& campaign, std::ostream* progress)
      : campaign_(campaign), progress_(progress), started_(steady_clock::now()) {
    end_ = campaign.time ? started_ + *campaign.time : steady_clock::time_point::max();
    for (std::uint64_t i = 0; i < campaign.jobs; ++i) {
      start(i, campaign.shard + i * campaign.shards);
    }
  }

  void gather() {
    while (!workers_.empty()) {
      std::vector<pollfd> waits;
      for (const Running& worker : workers_)
        waits.push_back({worker.forked.descriptor(), POLLIN, 0});
      if (poll(waits.data(), waits.size(), -1) < 0) continue;  // interrupted: they are too
      for (std::size_t i = waits.size(); i-- > 0;) {
        if (waits[i].revents != 0) hear(i);
      }
      if (campaign_.until_failure) give_up_later_runs();
    }
    if (progress_ == nullptr) return;
    show_figures();
    *progress_ << std::endl;
  }

  Statistics statistics;
  /// Runs that failed, by signature.
  std::map<std::string, std::vector<std::uint64_t>> failures;

 private:
  struct Running {
    std::uint64_t number;
    std::uint64_t run;
    Forked forked;
  };

  std::uint64_t stride() const { return campaign_.jobs * campaign_.shards; }

  void start(std::uint64_t number, std::uint64_t first) {
    workers_.push_back({number, first, Forked([=, this](const Tell& tell) {
                          Worker(campaign_, number).work(first, stride(), end_, tell);
                        })});
  }

  void hear(std::size_t index) {
    Running& worker = workers_[index];
    const std::vector<json> told = worker.forked.listen();
    for (const json& each : told) {
      if (each.contains("start")) worker.run = each["start"];
      if (each.contains("failure")) fail(each["failure"], worker.run);
      if (each.contains("statistics")) statistics.add(statistics_from(each["statistics"]));
    }
    if (!told.empty()) return show();
    const auto signal = worker.forked.died_of();
    const std::uint64_t number = worker.number;
    const std::uint64_t run = worker.run;
    workers_.erase(workers_.begin() + static_cast<std::ptrdiff_t>(index));
    if (!signal) return;
    fail("died of " + *signal, run);
    if (!campaign_.until_failure) start(number, run + stride());
  }

  /// What failed after the earliest run that did is forgotten, and who is past it ends.
  void give_up_later_runs() {
    std::uint64_t earliest = std::numeric_limits<std::uint64_t>::max();
    for (const auto& [signature, runs] : failures) earliest = std::min(earliest, runs.front());
    std::erase_if(failures, [=](const auto& failure) { return failure.second.front() > earliest; });
    std::erase_if(workers_, [=](const Running& worker) { return worker.run > earliest; });
  }

  void fail(const std::string& signature, std::uint64_t run) {
    std::vector<std::uint64_t>& runs = failures[signature];
    runs.push_back(run);
    if (campaign_.until_failure) runs = {*std::ranges::min_element(runs)};
    if (progress_ == nullptr) return;
    *progress_ << fmt::format("\r\033[Krun {} failed: {}\n", run, signature);
  }

  void show() {
    const auto now = steady_clock::now();
    if (progress_ == nullptr || now - shown_ < std::chrono::milliseconds(200)) return;
    shown_ = now;
    show_figures();
  }

  void show_figures() {
    const auto time = steady_clock::now() - started_;
    const double seconds = std::chrono::duration<double>(time).count();
    *progress_ << fmt::format(
                      "\r\033[K{} runs, {:.0f} steps/s, {} kinds of refusals, {} of failures",
                      statistics.runs, static_cast<double>(statistics.steps) / seconds,
                      statistics.refusals.size(), failures.size())
               << std::flush;
  }

  const Campaign& campaign_;
  std::ostream* progress_;
  std::vector<Running> workers_;
  steady_clock::time_point started_, shown_{}, end_;
};

bool interrupted() {
  try {
    InterruptGuard::check();
    return false;
  } catch (const UsageError&) {
    return true;
  }
}

/// Makes the first of these failing runs short. An interrupt leaves it as long as it then is.
Found made_short(const Campaign& campaign, std::vector<std::uint64_t> runs) {
  const std::uint64_t run = *std::min_element(runs.begin(), runs.end());
  const std::unique_ptr<Workspace> workspace = workspace_of(campaign);
  Statistics unused;
  const Program program =
      generate(seed_of_run(campaign.seed, run), campaign.profile, campaign.steps, unused);
  const Trial trial = [&](const Program& shorter) {
    return guarded_attempt(campaign, shorter, "fuzz-short", workspace.get());
  };
  Failure failure{program.size(), "", "  does not fail a second time\n"};
  if (auto again = trial(program)) failure = *again;
  const unsigned trials = interrupted() ? 0 : campaign.trials;
  Shrunk shrunk = shrink(program, failure, trial, trials, campaign.likeness);
  return {run, program.size(), std::move(shrunk), runs.size(), {}};
}

/// Writes the scenario of a failure.
void keep(const Campaign& campaign, Found& found) {
  std::filesystem::create_directories(campaign.out);
  found.file = fmt::format("{}/seed-{}-run-{}.scenario", campaign.out, campaign.seed, found.run);
  std::ofstream file(found.file);
  file << fmt::format("# Found by fuzz: seed {}, run {}, profile {}.\n#\n", campaign.seed,
                      found.run, campaign.profile.name);
  std::istringstream report(found.shrunk.failure.report);
  for (std::string line; std::getline(report, line);) file << "# " << line << "\n";
  for (const std::string& line : found.shrunk.program) file << line << "\n";
  if (!file.flush()) throw UsageError(found.file + ": cannot be written");
}

}  // namespace

std::uint64_t seed_of_run(std::uint64_t seed, std::uint64_t run) {
  // splitmix64's finish: near seeds and runs give unlike streams.
  std::uint64_t mixed = seed * 0x9e3779b97f4a7c15 + run + 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

Outcome carry_out(const Campaign& campaign, std::ostream* progress) {
  const InterruptGuard guard;
  Gathering gathering(campaign, progress);
  gathering.gather();
  Outcome outcome{gathering.statistics, {}, interrupted()};
  for (const auto& [signature, runs] : gathering.failures) {
    outcome.found.push_back(made_short(campaign, runs));
    keep(campaign, outcome.found.back());
  }
  std::ranges::sort(outcome.found, {}, &Found::run);
  return outcome;
}

}  // namespace sim::fuzz
