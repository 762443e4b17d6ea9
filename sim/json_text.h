// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace sim {

/// JSON on one line as Python's json.dumps(sort_keys=True) prints it: ", " and ": " between, text
/// beyond ASCII escaped. Allowed sets are printed as what they allow: "0..65536", "running|ready",
/// "any".
std::string json_text(const nlohmann::json& value);

/// A QMP request: "execute" first, then "arguments", both as json_text prints them.
std::string request_text(const nlohmann::json& request);

/// A number, string or allowed set without quotes, for lines of text.
std::string plain_text(const nlohmann::json& value);

}  // namespace sim
