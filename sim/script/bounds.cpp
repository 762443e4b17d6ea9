// SPDX-License-Identifier: MIT
#include "sim/script/bounds.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sim::script {

using nlohmann::json;

bool nests_too_deep(std::string_view text) {
  constexpr int most = 1024;
  int depth = 0, deepest = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') ++i;
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  return deepest > most;
}

bool leaves_directory(const std::string& name) {
  return name.starts_with('/') || ('/' + name + '/').find("/../") != std::string::npos;
}

std::string made_outside(const json& part) {
  if (!part.is_structured()) return "";
  for (const auto& [key, value] : part.items()) {
    const bool made = value.is_string() && (key == "snapshot-file" || key == "target");
    if (made && leaves_directory(value)) return value;
    if (std::string found = made_outside(value); !found.empty()) return found;
  }
  return "";
}

}  // namespace sim::script
