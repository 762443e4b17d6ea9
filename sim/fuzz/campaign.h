// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/fuzz/program.h"
#include "sim/fuzz/shrink.h"

namespace sim::fuzz {

/// What a campaign is to do.
struct Campaign {
  std::uint64_t seed = 1;
  std::uint64_t runs = 1000;
  /// If given, it ends the campaign rather than `runs`: the search, and making failures short.
  std::optional<std::chrono::seconds> time;
  /// When that is; carry_out() sets it.
  std::chrono::steady_clock::time_point end = std::chrono::steady_clock::time_point::max();
  unsigned steps = 40;  ///< of a run, without those that end it
  unsigned jobs = 1;
  bool until_failure = false;  ///< the earliest run that fails ends it
  std::uint64_t shard = 0;     ///< does the runs of index shard, shard + shards, …
  std::uint64_t shards = 1;
  unsigned trials = 2000;              ///< how many tries a failure's shrinking may take
  Likeness likeness = Likeness::same;  ///< of what shrinking ends in
  Profile profile;
  Cast cast;
  std::string out;        ///< where the scenarios of failures go; made when there is one
  std::string directory;  ///< for subjects with files; empty: a temporary one
  std::chrono::seconds patience{60};  ///< how much processor time a run may take
  Attempt attempt = fuzz::attempt;    ///< what is done in a run
};

/// A failure, made short.
struct Found {
  std::uint64_t run;
  std::size_t drawn;  ///< lines of the program as it was drawn
  Shrunk shrunk;
  std::uint64_t times;  ///< how many runs failed in this way
  std::string file;     ///< its scenario
};

/// What became of a failure that an earlier campaign left in `out`.
struct Earlier {
  std::string file;
  std::optional<Failure> failure;  ///< nothing: it fails no longer
};

/// How a campaign went. A function of the campaign alone, whatever `jobs` is, unless it has a time.
/// (`earlier` depends on what was in `out`, too.)
struct Outcome {
  Statistics statistics;
  std::vector<Found> found;  ///< one of each signature, the earliest run's
  bool interrupted = false;
  std::set<std::string> left_out = {};  ///< programs that hung too often; runs are missing then
  std::vector<Earlier> earlier;
};

/// The seed of a run of a campaign.
std::uint64_t seed_of_run(std::uint64_t seed, std::uint64_t run);

/// Where the subjects of a campaign have their files; null if they need none.
std::unique_ptr<Workspace> workspace_of(const Campaign& campaign);

/// Carries out a campaign, after the failures that earlier ones left. A run that crashes us is a
/// failure like any other. Failures are written when they are found, and again when they are
/// short. An interrupt ends it with what was found so far. `progress` (may be null) is told how it
/// goes.
Outcome carry_out(const Campaign& campaign, std::ostream* progress);

}  // namespace sim::fuzz
