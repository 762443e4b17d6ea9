// SPDX-License-Identifier: MIT
#include "sim/canon.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "sim/allowed.h"

namespace sim {

using nlohmann::json;

namespace {

using Fields = std::initializer_list<const char*>;

json chosen(json& object, const Fields& fields) {
  json result = json::object();
  for (const char* field : fields) {
    const auto found = object.find(field);
    if (found != object.end()) result[field] = std::move(*found);
  }
  return result;
}

bool unnamed(const json& bitmap) {
  return bitmap.is_object() && (!bitmap.contains("name") || bitmap["name"] == "");
}

/// A node as query-block's `inserted` and query-named-block-nodes have it.
json node_fields(json& node) {
  if (!node.is_object()) return node;
  json result = chosen(node, {"node-name", "drv", "ro", "file", "backing_file",
                              "backing_file_depth", "dirty-bitmaps"});
  if (const auto bitmaps = result.find("dirty-bitmaps");
      bitmaps != result.end() && bitmaps->is_array()) {
    bitmaps->erase(std::remove_if(bitmaps->begin(), bitmaps->end(), unnamed), bitmaps->end());
    if (bitmaps->empty()) result.erase(bitmaps);
  }
  if (node.contains("image")) {
    result["image"] = chosen(node["image"], {"filename", "format", "virtual-size", "cluster-size"});
  }
  return result;
}

json devices(json list) {
  for (json& device : list) {
    json result = chosen(device, {"device"});
    if (device.contains("inserted")) result["inserted"] = node_fields(device["inserted"]);
    device = std::move(result);
  }
  return list;
}

/// A node whose name is generated is told from others by what it is, and by what no query leaves
/// open.
bool comes_before(const json& node, const json& other) {
  for (const char* field : {"node-name", "drv", "file"}) {
    const json mine = node.value(field, json()), others = other.value(field, json());
    if (mine != others) return mine < others;
  }
  return false;
}

/// Their order is not a fact about blocks: sorted by what they are.
json nodes(json list) {
  json result = json::array();
  for (json& node : list) {
    if (node.is_object() && node.contains("drv") && node["drv"] == "file") continue;
    result.push_back(node_fields(node));
  }
  for (json& node : result) hide_generated_names(node);
  std::stable_sort(result.begin(), result.end(), comes_before);
  return result;
}

}  // namespace

void hide_generated_names(std::string& text) {
  constexpr std::string_view prefix = "#block";
  for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at)) {
    at += prefix.size();
    const std::size_t end = text.find_first_not_of("0123456789", at);
    text.erase(at, (end == std::string::npos ? text.size() : end) - at);
  }
}

void hide_generated_names(json& value) {
  if (value.is_string()) return hide_generated_names(value.get_ref<std::string&>());
  if (!value.is_structured()) return;
  for (json& element : value) hide_generated_names(element);
}

namespace {

json canonical_answer(const std::string& command, json reply) {
  const auto result = reply.find("return");
  if (result != reply.end() && command.starts_with("query-")) {
    if (command == "query-version" || command == "query-commands") {
      *result = Allowed::any("each program has its own");
    } else if (command == "query-block" && result->is_array()) {
      *result = devices(std::move(*result));
    } else if (command == "query-named-block-nodes" && result->is_array()) {
      *result = nodes(std::move(*result));
    }
  }
  hide_generated_names(reply);
  return reply;
}

}  // namespace

json canonical_reply(const std::string& command, json reply) {
  return Allowed::changed(std::move(reply),
                          [&](json each) { return canonical_answer(command, std::move(each)); });
}

json canonical_event(json event) {
  return Allowed::changed(std::move(event), [](json each) {
    if (!each.is_object()) return each;  // none came
    each["timestamp"] = {{"microseconds", "USECS"}, {"seconds", "SECS"}};
    hide_generated_names(each);
    return each;
  });
}

json canonical_info(json info) {
  return Allowed::changed(std::move(info), [](json each) {
    if (!each.contains("bitmaps")) return each;
    for (json& bitmap : each["bitmaps"]) std::sort(bitmap["flags"].begin(), bitmap["flags"].end());
    return each;
  });
}

}  // namespace sim
