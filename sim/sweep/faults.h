// SPDX-License-Identifier: MIT
#pragma once

#include <iosfwd>

#include "sim/sweep/sweep.h"

namespace sim::sweep {

/// Fails every storage operation of scenarios, one at a time (FaultSweep says how). Prints findings
/// as they come and figures at the end. Of `options` the paths, `jobs` and `out` matter. The exit
/// status and what is thrown: as of carry_out().
int carry_out_faults(const Options& options, std::ostream& out, std::ostream* progress);

}  // namespace sim::sweep
