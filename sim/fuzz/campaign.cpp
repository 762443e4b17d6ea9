// SPDX-License-Identifier: MIT
#include "sim/fuzz/campaign.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ostream>

#include "sim/fuzz/failure_files.h"
#include "sim/fuzz/gathering.h"
#include "sim/fuzz/guarded.h"
#include "sim/interrupt.h"
#include "sim/out_directory.h"
#include "sim/script/script.h"
#include "sim/usage_error.h"
#include "sim/workspace.h"

namespace sim::fuzz {

namespace {

/// In a trial a hang is waited for again and again.
constexpr std::chrono::seconds patience_with_a_trial{3};
/// Failures take turns here: no worker is there any more.
constexpr const char* title_of_trials = "fuzz-0";

/// Runs what earlier campaigns found before anything else is tried.
class Memory {
 public:
  Memory(const Campaign& campaign, const FailureFiles& files)
      : campaign_(campaign), files_(files), workspace_(workspace_of(campaign)) {}

  /// What is left of them; those after an interrupt are left out.
  std::vector<Earlier> recall() const {
    std::vector<Earlier> earlier;
    try {
      for (const std::string& file : files_.all()) {
        script::parse_file(file);  // a file that is no scenario is told
        earlier.push_back({file, guarded_attempt(campaign_, program_of_file(file), title_of_trials,
                                                 workspace_.get(), campaign_.patience)});
      }
    } catch (const Interrupted&) {
      // The campaign ends before it starts.
    }
    return earlier;
  }

 private:
  const Campaign& campaign_;
  const FailureFiles& files_;
  std::unique_ptr<Workspace> workspace_;
};

/// Makes a failure short, as far as an interrupt lets it.
class Shortening {
 public:
  Shortening(Campaign campaign, const Failed& failed)
      : campaign_(std::move(campaign)),
        failed_(failed),
        workspace_(workspace_of(campaign_)),
        drawn_(guarded_generate(campaign_, failed.run)),
        best_{drawn_, failed.failure, 0} {
    if (best_.failure.steps == 0) best_.failure.steps = drawn_.size();  // it died somewhere
  }

  Found shorten() {
    try {
      const auto again = attempt(drawn_);
      if (!again || !is_like(*again)) {
        best_.failure.report += "  does not fail so a second time\n";
      } else {
        best_ = shrink(
            drawn_, *again, [this](const Program& each) { return attempt(each); }, trials(),
            campaign_.likeness);
      }
    } catch (const Interrupted&) {
      // As short as it got.
    }
    return {failed_.run, drawn_.size(), best_, failed_.times, {}};
  }

 private:
  std::optional<Failure> attempt(const Program& program) {
    auto failure = guarded_attempt(campaign_, program, title_of_trials, workspace_.get(),
                                   std::min(campaign_.patience, patience_with_a_trial));
    ++best_.trials;
    if (failure && is_like(*failure)) {
      best_.program.assign(program.begin(), program.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                  program.size(), failure->steps)));
      best_.failure = *failure;
    }
    return failure;
  }

  bool is_like(const Failure& failure) const {
    return are_like(best_.failure, failure, campaign_.likeness);
  }
  /// A hang takes its time in each of them.
  unsigned trials() const {
    if (best_.failure.hangs) return std::min(campaign_.trials, 10u);
    const bool loops = best_.failure.signature.starts_with("took too much");
    return loops ? std::min(campaign_.trials, 60u) : campaign_.trials;
  }

  const Campaign campaign_;
  const Failed& failed_;
  std::unique_ptr<Workspace> workspace_;
  Program drawn_;
  Shrunk best_;
};

/// Writes failures when they are found, so that nothing that ends us can take them away.
class Notes {
 public:
  Notes(const Campaign& campaign, const FailureFiles& files) : campaign_(campaign), files_(files) {}

  void note(const Failed& failed) {
    const auto [known, is_new] = runs_.try_emplace(failed.failure.signature, failed.run);
    if (!is_new) files_.drop(std::exchange(known->second, failed.run));
    try {
      files_.keep(failed.run, guarded_generate(campaign_, failed.run), failed.failure);
    } catch (const UsageError&) {
      // A full disk, perhaps: it is tried again when the failure is short, and told then.
    }
  }

 private:
  const Campaign& campaign_;
  const FailureFiles& files_;
  std::map<std::string, std::uint64_t> runs_;  ///< by signature
};

/// The file of a failure, or why there is none: then the summary, which has its lines, is all.
std::string kept_in(const FailureFiles& files, const Found& found) {
  try {
    files.keep(found.run, found.shrunk.program, found.shrunk.failure);
    return files.of_run(found.run);
  } catch (const UsageError& error) {
    return error.what();
  }
}

/// The campaign, which ends when one of `failures` has had its share of the time that is left.
Campaign with_share(Campaign campaign, std::size_t failures) {
  const auto now = std::chrono::steady_clock::now();
  if (campaign.time) campaign.end = now + (campaign.end - now) / failures;
  return campaign;
}

std::vector<Failed> by_run(const std::map<std::string, Failed>& failures) {
  std::vector<Failed> result;
  for (const auto& [signature, failed] : failures) result.push_back(failed);
  std::ranges::sort(result, {}, &Failed::run);
  return result;
}

}  // namespace

std::uint64_t seed_of_run(std::uint64_t seed, std::uint64_t run) {
  // splitmix64's finish: near seeds and runs give unlike streams.
  std::uint64_t mixed = seed * 0x9e3779b97f4a7c15 + run + 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

std::unique_ptr<Workspace> workspace_of(const Campaign& campaign) {
  if (!campaign.cast.needs_files()) return nullptr;
  // A real QEMU flushes with every snapshot, restart and commit, and each run's images are few.
  return std::make_unique<Workspace>(campaign.directory, quick_parent());
}

Outcome carry_out(const Campaign& asked, std::ostream* progress) {
  Campaign campaign = asked;
  if (campaign.time) campaign.end = std::chrono::steady_clock::now() + *campaign.time;
  check_out_directory(campaign.out);
  const DirectoryLock lock(campaign.directory);
  const InterruptGuard guard;
  const FailureFiles files(campaign);
  Outcome outcome;
  outcome.earlier = Memory(campaign, files).recall();
  Notes notes(campaign, files);
  Gathering gathering(campaign, progress, [&](const Failed& failed) { notes.note(failed); });
  gathering.gather();
  outcome.statistics = gathering.statistics();
  outcome.left_out = gathering.left_out();
  const std::vector<Failed> all = by_run(gathering.failures());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Failed& failed = all[i];
    if (progress != nullptr) {
      *progress << fmt::format("\r\033[Kmaking run {} short", failed.run) << std::flush;
    }
    Found found = Shortening(with_share(campaign, all.size() - i), failed).shorten();
    found.file = kept_in(files, found);
    outcome.found.push_back(std::move(found));
  }
  if (progress != nullptr) *progress << "\r\033[K" << std::flush;
  outcome.interrupted = InterruptGuard::came();
  return outcome;
}

}  // namespace sim::fuzz
