// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "sim/script/script.h"
#include "sim/step.h"

namespace sim::script {

/// What a step means whose parameters are replaced. Throws ScriptError with `file` and `line`.
Action action_of(const RawStep& step, const std::string& file, int line);
/// What `kill at N:` or `power at N …:` in front of it means, if it is there.
std::optional<Cut> cut_of(const RawStep& step, const std::string& file, int line);
/// Which of its storage operations fails, if its text says so.
std::optional<Mishap> mishap_of(const RawStep& step, const std::string& file, int line);

}  // namespace sim::script
