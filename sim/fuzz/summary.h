// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "sim/fuzz/campaign.h"

namespace sim::fuzz {

/// How a campaign went, for humans; without times, so that equal campaigns give equal texts.
std::string summary_text(const Campaign& campaign, const Outcome& outcome);
/// The same for programs.
nlohmann::json summary_json(const Campaign& campaign, const Outcome& outcome);

}  // namespace sim::fuzz
