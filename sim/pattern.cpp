// SPDX-License-Identifier: MIT
#include "sim/pattern.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sim {

using nlohmann::json;

bool matches_text(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (text.substr(0, star) != pattern.substr(0, star)) return false;
  text.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  for (std::size_t skipped = 0; skipped <= text.size(); ++skipped) {
    if (matches_text(pattern, text.substr(skipped))) return true;
  }
  return false;
}

bool matches(const json& pattern, const json& value) {
  if (pattern.is_string() && value.is_string()) {
    return matches_text(pattern.get_ref<const std::string&>(), value.get_ref<const std::string&>());
  }
  if (pattern.is_array() && value.is_array()) {
    return std::equal(pattern.begin(), pattern.end(), value.begin(), value.end(), matches);
  }
  if (!pattern.is_object() || !value.is_object()) return pattern == value;
  const auto items = pattern.items();
  return std::all_of(items.begin(), items.end(), [&](const auto& item) {
    const auto found = value.find(item.key());
    return found != value.end() && matches(item.value(), *found);
  });
}

}  // namespace sim
