// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace sim {

/// What a QMP request executes; empty where it names no command, for a request may be nonsense.
std::string command_of(const nlohmann::json& request);
/// Whether it is a query, which changes nothing.
bool is_query(const nlohmann::json& request);

}  // namespace sim
