// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/script/script.h"
#include "sim/step.h"

namespace sim::script {

/// One run of a script: a testcase, with a value for every parameter.
struct Run {
  std::string title;
  std::map<std::string, std::string> values;
};

/// The runs that the head asks for, in order; one titled `name` if it asks for none. Throws
/// ScriptError: unknown parameters, values that are not among those declared, equal titles.
std::vector<Run> runs(const Script& script, const std::string& name);

/// Throws ScriptError for a script that cannot be meant: without a step, or with a parameter that
/// has the same value in all runs.
void check_sense(const Script& script, const std::vector<Run>& runs);

/// The steps of a run. Throws ScriptError for a step that makes no sense, also where the run would
/// leave it out.
std::vector<Step> steps(const Script& script, const Run& run);

}  // namespace sim::script
