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

/// What no QEMU has is called so.
bool is_nobodys(const std::string& name) { return name.starts_with("x-"); }

/// Options that all nodes have.
bool is_common_option(const std::string& name, const json& value) {
  if (name == "node-name") return value.is_string() || value.is_number_unsigned();
  if (name == "discard") return value.is_string();
  if (name == "read-only") return value.is_boolean() || value == "on" || value == "off";
  if (name == "auto-read-only") return value.is_boolean();
  return name == "driver" || is_nobodys(name) || (name == "detect-zeroes" && value == "off");
}

/// Whether one option of a node is as model and engine have it.
bool is_option(const std::string& driver, const std::string& name, const json& value) {
  if (is_common_option(name, value)) return true;
  if (driver == "file") return name == "filename" && value.is_string() && is_own_file(value);
  if (name == "backing" && driver != "raw") return value.is_null() || is_node(value);
  return name == "file" && (value.is_string() || is_node(value));
}

/// Whether it describes an image or a file that model and engine can open, or refuse as QEMU does.
bool is_node(const json& part) {
  static const std::set<std::string> drivers{"", "qcow2", "raw", "file"};
  if (!part.is_object() || !part.value("driver", json("")).is_string()) return false;
  const std::string driver = part.value("driver", "");
  if (!drivers.contains(driver) && !is_nobodys(driver)) return false;
  if (driver == "file" && !part.contains("filename")) return false;
  for (const auto& [name, value] : part.items()) {
    if (!is_option(driver, name, value)) return false;
  }
  return true;
}

/// "a.b": v as "a": {"b": v}.
json undotted(const json& part) {
  json result = json::object();
  if (!part.is_object()) return part;
  for (const auto& [name, value] : part.items()) {
    std::string path = '/' + name;
    std::ranges::replace(path, '.', '/');
    result[json::json_pointer(path)] = undotted(value);
  }
  return result;
}

}  // namespace

bool is_own_description(const std::string& name) {
  if (!name.starts_with("json:")) return is_own_backing(name);
  if (nests_too_deep(name)) return false;
  const json parsed = json::parse(name.substr(5), nullptr, false);
  try {
    return parsed == json::array() || is_node(undotted(parsed));
  } catch (const json::exception&) {  // "a": 1 beside "a.b"
    return false;
  }
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
