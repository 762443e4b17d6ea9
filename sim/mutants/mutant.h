// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace sim::mutants {

/// A command of the program that looks for faults, in words: "fuzz", "--profile", "crash".
using Search = std::vector<std::string>;

/// A fault put in on purpose; see tests/mutants/README.md.
struct Mutant {
  std::string name;
  std::string story;  ///< what goes wrong for a user, and who had the fault
  Search search;      ///< what should find it
};

/// Reads DIRECTORY/NAME.patch of each name; with no names, of all patches but the canaries. Sorted
/// by name. A patch that does not say what finds it is looked for by `usual`. Throws UsageError for
/// a name that there is not, and for a patch without a story.
std::vector<Mutant> read_mutants(const std::string& directory,
                                 const std::vector<std::string>& names, const Search& usual);

/// "fuzz --profile crash".
std::string to_string(const Search& search);

}  // namespace sim::mutants
