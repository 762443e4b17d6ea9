// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/fuzz/profile.h"
#include "sim/fuzz/statistics.h"
#include "sim/runner.h"

namespace sim::fuzz {

/// A testcase that somebody may run anywhere: lines of the scenario language.
using Program = std::vector<std::string>;

/// Hears of each line before the model does it.
using LineSink = std::function<void(const std::string& line)>;

/// `steps` lines drawn from `seed`, each after the model alone has done those before it, and the
/// observations that end every run. What the model answered is counted in `statistics`. If the
/// model breaks, the line that broke it is the last.
Program generate(std::uint64_t seed, const Profile& profile, unsigned steps, Statistics& statistics,
                 const LineSink& sink = {});

/// Whether the model knows what each step brings about (sensible.h); shrinking may take out what a
/// step leans on. Throws ScriptError, as attempt() does.
bool is_sensible(const Program& program, const std::string& title);

/// What went wrong in a run.
struct Failure {
  std::size_t steps;      ///< how many of the program's lines it takes
  std::string signature;  ///< what kind of failure it is, without names and numbers
  std::string report;     ///< for humans
  bool hangs = false;     ///< a program was waited for in vain
};

/// Runs a program on new subjects; one in which a storage operation fails (`fail at N:`) on the
/// engine, as sweep::FaultSweep does. `title` names it in reports and directories. A subject with
/// which the run cannot go on is a failure. Throws ScriptError, and UsageError when interrupted.
std::optional<Failure> attempt(const Program& program, const std::string& title, const Cast& cast,
                               Workspace* workspace);

/// Something that is done with a program: attempt(), or what a test puts in its place.
using Attempt = std::function<std::optional<Failure>(
    const Program& program, const std::string& title, const Cast& cast, Workspace* workspace)>;

}  // namespace sim::fuzz
