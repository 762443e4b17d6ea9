// SPDX-License-Identifier: MIT
#include "sim/script/bounds.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sim::script {

using nlohmann::json;

namespace {

/// Whether the name goes up to another directory.
bool climbs(const std::string& name) {
  return ('/' + name + '/').find("/../") != std::string::npos;
}

}  // namespace

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

bool is_own_file(const std::string& name) {
  constexpr std::string_view directory = "TEST_DIR/";
  return name.starts_with(directory) && name.size() > directory.size() && !climbs(name);
}

bool is_own_backing(const std::string& name) {
  const bool plain = name.find(':') == std::string::npos && !name.starts_with('/');
  return is_own_file(name) || (plain && !climbs(name));
}

namespace {

/// Whether it describes images and files alone, and no name has a dot, as "file.filename" has.
bool is_plain(const json& part) {
  if (!part.is_structured()) return true;
  for (const auto& [key, value] : part.items()) {
    const bool dotted = part.is_object() && key.find('.') != std::string::npos;
    const bool other = key == "driver" && value != "qcow2" && value != "raw" && value != "file";
    if (dotted || other || !is_plain(value)) return false;
  }
  return true;
}

}  // namespace

bool is_own_description(const std::string& name) {
  if (!name.starts_with("json:")) return is_own_backing(name);
  const json description = json::parse(name.substr(5), nullptr, false);
  return description.is_object() && is_plain(description) && foreign_file(description).empty();
}

std::string foreign_file(const json& part) {
  if (!part.is_structured()) return "";
  for (const auto& [key, value] : part.items()) {
    const std::string name = value.is_string() ? value.get<std::string>() : "";
    const bool opened = key == "filename" || key == "snapshot-file";
    const bool foreign = (opened && !is_own_file(name)) ||  //
                         (key == "backing-file" && !is_own_backing(name));
    if (foreign && !name.empty()) return name;
    if (std::string found = foreign_file(value); !found.empty()) return found;
  }
  return "";
}

}  // namespace sim::script
