// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/fuzz/goals.h"
#include "sim/fuzz/statistics.h"

namespace sim::fuzz {

/// Whether a goal was reached. A step must have been carried out; a rule shows in one of its
/// refusals or signs.
bool reached(const Goal& goal, const Statistics& statistics);

/// How many goals of a kind have no excuse, and how many of these were reached.
struct Coverage {
  std::size_t reached = 0, all = 0;
};
Coverage coverage(Goal::Kind kind, const Statistics& statistics);

/// {KIND:{"reached":n,"all":n,"not-reached":[…],"excused":{NAME:WHY}}}
nlohmann::json coverage_json(const Statistics& statistics);
/// The same for humans.
std::string coverage_text(const nlohmann::json& coverage);

}  // namespace sim::fuzz
