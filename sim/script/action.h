// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/script/script.h"
#include "sim/step.h"

namespace sim::script {

/// What a step means whose parameters are replaced. Throws ScriptError with `file` and `line`.
Action action_of(const RawStep& step, const std::string& file, int line);

}  // namespace sim::script
