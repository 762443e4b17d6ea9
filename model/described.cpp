// SPDX-License-Identifier: MIT
#include <algorithm>

#include "model/parts.h"

namespace model {

using nlohmann::json;

namespace {

/// Names with dots are paths, and numbers are as good as texts.
json unfolded(const json& options) {
  json result = json::object();
  for (const auto& [name, value] : options.items()) {
    std::string path = '/' + name;
    std::ranges::replace(path, '.', '/');
    result[json::json_pointer(path)] = value.is_object()   ? unfolded(value)
                                       : value.is_number() ? json(value.dump())
                                                           : value;
  }
  return result;
}

bool is_nobodys(const std::string& name) { return name.starts_with("x-"); }

/// Of all nodes that it describes; a file before what stands on it.
void check_options(const json& options) {
  const std::string driver = options.value("driver", "");
  if (driver.empty() && !options.contains("file"))
    throw Refused{"Must specify either driver or file"};
  if (is_nobodys(driver)) throw Refused{"Unknown driver '" + driver + "'"};
  if (driver != "file" && !options.contains("file"))
    throw Refused{"A block device must be specified for \"file\""};
  for (const auto& [name, value] : options.items()) {
    if (value.is_object()) check_options(value);
    if (!is_nobodys(name)) continue;
    throw Refused{driver == "file"
                      ? "Block protocol 'file' doesn't support the option '" + name + "'"
                      : "Block format '" + driver + "' does not support the option '" + name + "'"};
  }
}

}  // namespace

json described(const std::string& text, const std::string& format) {
  json options = json::parse(text);
  if (!options.is_object()) throw Refused{"Invalid JSON object given"};
  options = unfolded(options);
  if (!format.empty()) options["driver"] = format;
  check_options(options);
  return options;
}

}  // namespace model
