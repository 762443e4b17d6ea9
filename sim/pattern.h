// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace sim {

/// Whether `value` is as `pattern` says: an object has at least the fields of the pattern, a list
/// has as many elements, a string may have `*` for any text, anything else is equal.
bool matches(const nlohmann::json& pattern, const nlohmann::json& value);

/// Whether `text` is as `pattern` says, in which `*` stands for any text.
bool matches_text(std::string_view pattern, std::string_view text);

}  // namespace sim
