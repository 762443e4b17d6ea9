// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "sim/fuzz/campaign.h"

namespace sim::fuzz {

/// How a campaign went, for programs; without times, so that equal campaigns give equal ones.
nlohmann::json summary_of(const Campaign& campaign, const Outcome& outcome);
/// The same for humans.
std::string summary_text(const nlohmann::json& summary);
/// What became of the failures that earlier campaigns left, a line each.
std::string earlier_text(const std::vector<Earlier>& earlier);

}  // namespace sim::fuzz
