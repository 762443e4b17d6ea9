// SPDX-License-Identifier: MIT
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "sim/sweep/power_cuts.h"

/// Crashes at every storage operation of scenarios (TestcaseSweep says how).
namespace sim::sweep {

/// What to sweep, and how.
struct Options {
  std::vector<std::string> paths;  ///< scenarios, or directories of them; none: all of the project
  Depth depth;
  unsigned jobs = 1;      ///< testcases that go on at once
  unsigned qemu_img = 0;  ///< every so many states qemu-img checks one, too; 0: none
  std::string out;        ///< the directory where findings are written; empty: nowhere
};

/// Sweeps, prints findings as they come and figures at the end. `progress` may be null. The exit
/// status: 0 nothing is wrong, 1 something is. Throws script::ScriptError and UsageError before
/// anything runs.
int carry_out(const Options& options, std::ostream& out, std::ostream* progress);

}  // namespace sim::sweep
