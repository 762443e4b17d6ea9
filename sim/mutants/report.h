// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "sim/mutants/recall.h"

namespace sim::mutants {

/// A table of the mutants, what the totals are, and by name what survived, was slow, long, or not
/// found again.
std::string recall_text(const Recall& recall);
/// The same for programs.
nlohmann::json recall_json(const Recall& recall);

}  // namespace sim::mutants
