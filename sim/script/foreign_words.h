// SPDX-License-Identifier: MIT
#pragma once

#include "sim/script/script.h"
#include "sim/step.h"

namespace sim::script {

/// The step that the words `foreign FILE SIZE KEY=VALUE…` say. Throws ScriptError.
Action foreign_action(const std::vector<Word>& words, const std::string& file, int line);

}  // namespace sim::script
