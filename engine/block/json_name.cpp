// SPDX-License-Identifier: MIT
#include "engine/block/json_name.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "engine/error.h"

namespace engine::block {
namespace {

using nlohmann::json;

/// Options of nodes that change nothing here.
constexpr std::array<std::string_view, 8> without_effect{
    "auto-read-only", "force-share", "detect-zeroes", "cache",
    "locking",        "aio",         "drop-cache",    "lazy-refcounts"};

/// "a.b": v becomes "a": {"b": v}.
json nested(const json& object) {
  json result = json::object();
  for (const auto& [name, value] : object.items()) {
    json* place = &result;
    std::size_t start = 0;
    for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', start)) {
      place = &(*place)[name.substr(start, dot - start)];
      if (!place->is_object()) *place = json::object();
      start = dot + 1;
    }
    (*place)[name.substr(start)] = value.is_object() ? nested(value) : value;
  }
  return result;
}

std::shared_ptr<NodeOptions> read_node(const json& object, std::string driver);

/// Text as it is, and what is none as JSON writes it.
std::string text(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// Empty if there is none.
std::string text(const json& object, const char* name) {
  return text(object.value(name, json("")));
}

ChildOptions read_child(const json& child) {
  if (child.is_object()) return read_node(child, text(child, "driver"));
  return text(child);
}

BackingOptions read_backing(const json& backing) {
  if (backing.is_null() || backing == "") return NoBacking{};
  return read_child(backing);
}

bool says_yes(const json& value) { return value == true || value == "on"; }

/// An option that every node may have. False if it is none.
bool read_common(NodeOptions& options, const std::string& name, const json& value) {
  if (name == "node-name") {
    options.node_name = text(value);
  } else if (name == "read-only") {
    options.access = says_yes(value) ? io::Access::read_only : io::Access::read_write;
  } else if (name == "discard") {
    options.discard_mode = value == "unmap" ? DiscardMode::unmap : DiscardMode::ignore;
  } else {
    return name == "driver" || std::ranges::count(without_effect, name) != 0;
  }
  return true;
}

[[noreturn]] void refuse_option(const std::string& driver, const std::string& name) {
  if (driver == "file")
    throw Refusal("Block protocol 'file' doesn't support the option '" + name + "'");
  throw Refusal("Block format '" + driver + "' does not support the option '" + name + "'");
}

std::shared_ptr<NodeOptions> read_node(const json& object, std::string driver) {
  const bool is_file = driver == "file";
  const bool may_have_backing = driver == "qcow2" || driver.empty();
  if (driver.empty() && !object.contains("file"))
    throw Refusal("Must specify either driver or file");
  if (!driver.empty() && !is_file && driver != "raw" && driver != "qcow2")
    throw Refusal("Unknown driver '" + driver + "'");
  auto options = std::make_shared<NodeOptions>();
  options->driver = std::move(driver);
  if (is_file) options->filename = text(object, "filename");
  if (!is_file && !object.contains("file"))
    throw Refusal("A block device must be specified for \"file\"");
  for (const auto& [name, value] : object.items()) {
    if (!is_file && name == "file") {
      options->file = read_child(value);
    } else if (may_have_backing && name == "backing") {
      options->backing = read_backing(value);
    } else if (!(is_file && name == "filename") && !read_common(*options, name, value)) {
      refuse_option(options->driver, name);
    }
  }
  return options;
}

}  // namespace

std::shared_ptr<NodeOptions> parse_json_name(std::string_view filename,
                                             const std::optional<std::string>& format) {
  const json parsed = json::parse(filename.substr(filename.find(':') + 1), nullptr, false);
  if (parsed.is_discarded()) throw Refusal("Could not parse the JSON options: JSON parse error");
  if (!parsed.is_object()) throw Refusal("Invalid JSON object given");
  const json object = nested(parsed);
  return read_node(object, format.value_or(text(object, "driver")));
}

}  // namespace engine::block
