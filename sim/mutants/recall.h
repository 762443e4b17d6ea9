// SPDX-License-Identifier: MIT
#pragma once

#include <iosfwd>
#include <vector>

#include "sim/mutants/hunt.h"

namespace sim::mutants {

/// What `blocktwin mutants` is told.
struct Options {
  std::vector<std::string> names;  ///< empty: all
  std::string build;               ///< the directory of the build that makes the mutants
  unsigned jobs = 1;               ///< compilers, and then searches, at once
  Search usual{"fuzz"};            ///< what finds a mutant whose patch does not say
  Hunt hunt;
};

/// A mutant, and how the search for it ended.
struct Caught {
  Mutant mutant;
  Result result;
};

/// How many of the faults the search finds, and whether it finds none where there is none.
struct Recall {
  std::vector<Caught> mutants;  ///< by name
  /// Each kind of search in the program without a fault, for as long as in a mutant. The mutant's
  /// name is that search.
  std::vector<Caught> controls;

  /// All found, each in at most `most_steps` steps that fail again, and nothing in the controls.
  bool complete() const;
};
/// Slower ones are named.
inline constexpr double slow_seconds = 10;

/// Whether it was found, is short, and its scenario fails again and for this fault alone.
bool well_found(const Result& result);

/// Builds the mutants and searches each, then the program without a fault. Tells on `progress`.
/// Throws UsageError.
Recall measure(const Options& options, std::ostream& progress);

}  // namespace sim::mutants
