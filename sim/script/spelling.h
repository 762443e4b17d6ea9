// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/step.h"

namespace sim::script {

/// Throws ScriptError for a step that will be refused because it is misspelt (a command, an
/// argument, its type, a driver, a size), unless the story wants a refusal; and for an event that
/// does not exist, and a mark on a step that cannot be refused.
void check_spelling(const Step& step, const std::string& file);

}  // namespace sim::script
