// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

/// What two worlds allow together, either of which may be the real one. A whole answer is of one
/// world or the other; contents may be mixed byte by byte.
namespace sim {

/// {"$one-of":[…]} of the answers that differ; the answer if none does. Requires at least one.
nlohmann::json joined(const std::vector<nlohmann::json>& answers);

/// The same for contents [[start,length,[byte…]]…]: each byte may be as in any of them. Disks of
/// several lengths, and refusals, stay apart.
nlohmann::json joined_data(const std::vector<nlohmann::json>& answers);

}  // namespace sim
