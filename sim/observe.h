// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "sim/step.h"

namespace sim {

/// Has `subject` do a step, and answers what it shows, canonical: the reply to a command, the event
/// (null if none can come), the text of guest I/O, what a `show` asks for. What a step does not
/// show is null. See render.h for how each looks as text, and verdict.h for how they compare.
nlohmann::json observe(Subject& subject, const Step& step);

}  // namespace sim
