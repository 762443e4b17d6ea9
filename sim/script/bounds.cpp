// SPDX-License-Identifier: MIT
#include "sim/script/bounds.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

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

bool is_node(const json& part);

/// Whether one option of a node is as model and engine have it. No name has a dot, as
/// "file.filename" has.
bool is_option(const std::string& driver, const std::string& name, const json& value) {
  if (name == "driver") return true;
  if (name == "node-name" || name == "discard") return value.is_string();
  if (name == "read-only") return value.is_boolean();
  if (driver == "file") return name == "filename" && value.is_string() && is_own_file(value);
  if (name == "backing" && driver == "qcow2") return value.is_null() || is_node(value);
  return name == "file" && is_node(value);
}

/// Whether it describes an image or a file that model and engine can open.
bool is_node(const json& part) {
  static const std::set<std::string> drivers{"qcow2", "raw", "file"};
  if (!part.is_object() || !part.contains("driver") || !part["driver"].is_string()) return false;
  const std::string& driver = part["driver"].get_ref<const std::string&>();
  if (!drivers.contains(driver) || !part.contains(driver == "file" ? "filename" : "file"))
    return false;
  for (const auto& [name, value] : part.items()) {
    if (!is_option(driver, name, value)) return false;
  }
  return true;
}

}  // namespace

bool is_own_description(const std::string& name) {
  if (!name.starts_with("json:")) return is_own_backing(name);
  return !nests_too_deep(name) && is_node(json::parse(name.substr(5), nullptr, false));
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
