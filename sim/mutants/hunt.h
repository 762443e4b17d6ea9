// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "sim/mutants/mutant.h"

namespace sim::mutants {

/// Where and how long faults are looked for.
struct Hunt {
  std::string root;       ///< of the project: where the words of a search that are paths begin
  std::string program;    ///< blocktwin without a fault
  std::string directory;  ///< where scenarios of failures go
  std::chrono::seconds limit{
      30};  ///< for one search; what is made of its finding takes its own time
};

/// What a search found in a program.
struct Finding {
  std::uint64_t steps = 0;   ///< that were run until the failure, with those that drew them
  std::size_t length = 0;    ///< steps of the scenario that it was made into
  std::string scenario;      ///< its file
  std::string shown;         ///< what kind of failure it is
  bool replayed = false;     ///< the scenario fails in the same way in another process
  bool fault_alone = false;  ///< and does not fail in the program without the fault
};

/// How a search ended. Times are by the clock on the wall.
struct Result {
  std::optional<Finding> finding;
  double seconds = 0;       ///< until the first failure, or all of the search if there was none
  std::uint64_t steps = 0;  ///< that were run
};

/// A scenario of more steps is no story any more.
inline constexpr std::size_t most_steps = 10;

/// Runs `mutant`'s search in `program` until its first failure, makes that short, and replays it.
/// If it is longer than most_steps, random runs of other seeds are searched for a shorter one as
/// long as the limit lets them.
/// Throws UsageError if a program cannot be run, says nothing of use, or does not end.
Result hunt_down(const Mutant& mutant, const std::string& program, const Hunt& hunt);

}  // namespace sim::mutants
