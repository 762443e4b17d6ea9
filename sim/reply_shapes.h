// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace sim {

/// What is wrong with a reply to a QMP command, {"return":…} or {"error":…}: the first field that
/// we read and that is not there, not of its type, or not within its bounds, e.g.
/// "return[0].count: expected a number of bytes, found -1". Nothing if all are as they must be;
/// other fields, and what other commands return, may be anything.
std::optional<std::string> fault_of_reply(const std::string& command, const nlohmann::json& reply);

/// The same for what `qemu-img info` and `qemu-img check` print; `kind` is "info" or "check".
std::optional<std::string> fault_of_image(const std::string& kind, const nlohmann::json& printed);

}  // namespace sim
