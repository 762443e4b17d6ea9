// SPDX-License-Identifier: MIT
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace sim::bench {

/// What the command line says.
struct Options {
  std::vector<std::string> names;  ///< which contests; empty: all
  unsigned pairs = 5;              ///< how often each side runs
  std::string directory;           ///< where images go; both sides use the same file system
  std::string root;                ///< of the project
  std::string qemu;                ///< the system emulator
};

/// Runs the contests and prints their table on `out` as it grows; progress goes to `progress`,
/// which may be null. Answers the exit status: 0, or 2 for a name that there is not.
int bench(const Options& options, std::ostream& out, std::ostream* progress);

}  // namespace sim::bench
