// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "sim/step.h"

namespace sim {

/// The lines that a step leaves in a transcript, each with its line end; empty for most steps that
/// succeed in silence. `observation` is what observe() answered.
std::string render(const Step& step, const nlohmann::json& observation);

}  // namespace sim
