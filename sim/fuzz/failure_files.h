// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "sim/fuzz/campaign.h"

namespace sim::fuzz {

/// The scenarios of failures below the campaign's `out`: what earlier campaigns left there, and
/// what this one finds. They stay until somebody takes them away: mended ones to scenarios/found/.
class FailureFiles {
 public:
  explicit FailureFiles(const Campaign& campaign) : campaign_(campaign) {}

  /// All that are there, sorted.
  std::vector<std::string> all() const;
  /// Where the scenario of a run is kept.
  std::string of_run(std::uint64_t run) const;
  /// Writes it, and makes the directory. Throws UsageError.
  void keep(std::uint64_t run, const Program& program, const Failure& failure) const;
  void drop(std::uint64_t run) const;

 private:
  const Campaign& campaign_;
};

/// The lines of a scenario file without its story. Throws UsageError if it cannot be read.
Program program_of_file(const std::string& file);

}  // namespace sim::fuzz
