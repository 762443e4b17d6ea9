// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/scenario.h"

/// Scenarios in the form of other test machineries.
namespace sim::exporting {

/// A test for QEMU's iotests: a Python program and the output that it must have.
struct Iotest {
  std::string name;  ///< of the program; that of its output ends in .out
  std::string program;
  std::string expected;
};

/// Writes a scenario as an iotest. The model tells what is expected; the images are those of the
/// machinery. `testcase` is the title of the only one wanted; empty: all. Throws UsageError with
/// the place if there is no such testcase, or for a step that an iotest cannot express.
Iotest export_iotest(const Scenario& scenario, const std::string& testcase);

}  // namespace sim::exporting
