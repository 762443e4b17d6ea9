// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/fuzz/profile.h"
#include "sim/fuzz/statistics.h"
#include "sim/runner.h"

namespace sim::fuzz {

/// A testcase that somebody may run anywhere: lines of the scenario language.
using Program = std::vector<std::string>;

/// `steps` lines drawn from `seed`, each after the model alone has done those before it, and the
/// observations that end every run. What the model answered is counted in `statistics`.
Program generate(std::uint64_t seed, const Profile& profile, unsigned steps,
                 Statistics& statistics);

/// Whether the model knows what each step brings about (sensible.h); shrinking may take out what a
/// step leans on. Throws ScriptError, as attempt() does.
bool is_sensible(const Program& program, const std::string& title);

/// What went wrong in a run.
struct Failure {
  std::size_t steps;      ///< how many of the program's lines it takes
  std::string signature;  ///< what kind of failure it is, without names and numbers
  std::string report;     ///< for humans
};

/// Runs a program on new subjects. `title` names it in reports and directories.
std::optional<Failure> attempt(const Program& program, const std::string& title, const Cast& cast,
                               Workspace* workspace);

}  // namespace sim::fuzz
