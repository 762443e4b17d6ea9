// SPDX-License-Identifier: MIT
#include "sim/fuzz/view.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace sim::fuzz {

using nlohmann::json;

namespace {

/// The list that a query answers; null where the model allows several.
json list(Subject& model, const char* command) {
  json reply = model.execute({{"execute", command}});
  if (!reply.contains("return") || !reply["return"].is_array()) return nullptr;
  return std::move(reply["return"]);
}

/// A number, or the first of those allowed.
std::uint64_t number_of(const json& value) {
  if (value.is_number()) return value.get<std::uint64_t>();
  if (value.is_structured() && !value.empty()) return number_of(value.front());
  return 0;
}

/// The file, where a node is described by what it is made of (M38).
std::string plain(const std::string& file) {
  if (!file.starts_with("json:")) return file;
  return json::parse(file.substr(5)).value("/file/filename"_json_pointer, "");
}

void look_at_node(const json& node, View& view) {
  const std::string name = node["node-name"];
  if (name.empty() || name[0] == '#') return;  // generated names differ between subjects
  if (node["drv"] == "file") return;           // nobody reads or writes one by itself (M42)
  view.nodes.push_back(
      {name, number_of(node["image"]["virtual-size"]), plain(node.value("file", ""))});
  if (!node.contains("dirty-bitmaps")) return;
  for (const json& bitmap : node["dirty-bitmaps"]) {
    const std::string text = bitmap.value("name", "");
    if (!text.empty()) view.bitmaps.push_back({name, text});
  }
}

}  // namespace

View look(Subject& model, const View& before) {
  const json devices = list(model, "query-block");
  const json nodes = list(model, "query-named-block-nodes");
  const json jobs = list(model, "query-jobs");
  if (devices.is_null() || nodes.is_null() || jobs.is_null()) return before;
  View view;
  for (const json& device : devices) {
    if (device["device"] != drive || !device.contains("inserted")) continue;
    view.file = plain(device["inserted"]["image"]["filename"]);
    view.size = number_of(device["inserted"]["image"]["virtual-size"]);
    view.depth = number_of(device["inserted"]["backing_file_depth"]);
  }
  for (const json& node : nodes) look_at_node(node, view);
  for (const json& job : jobs) {
    const json& status = job["status"];
    view.jobs.push_back({job["id"], status.is_string() ? status.get<std::string>() : "running"});
  }
  return view;
}

}  // namespace sim::fuzz
