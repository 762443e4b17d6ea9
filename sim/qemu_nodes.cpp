// SPDX-License-Identifier: MIT
#include "sim/qemu_nodes.h"

#include <nlohmann/json.hpp>

#include "sim/qemu_contents.h"

namespace sim {

using nlohmann::json;

namespace {

/// The list that a query answers.
json query(QemuProcess& process, const char* command) {
  return process.execute({{"execute", command}}).at("return");
}

/// The filter of a job above the node of a device, if there is one: query-block looks through it,
/// while commands that name the device mean it (M10, M11).
json filter_above(const json& node, const json& nodes) {
  for (const json& each : nodes) {
    const bool is_filter = each.value("drv", "").ends_with("_top");
    const bool above = each.value("file", "") == node.value("file", "");
    if (is_filter && above && each["node-name"] != node["node-name"]) return each;
  }
  return nullptr;
}

/// The node whose bitmaps a command means by the name of a device or node; null if there is none.
json node_meant(QemuProcess& process, const std::string& name) {
  json found = find_node(process, name);
  if (found.is_null() || found["node-name"] == name) return found;
  json filter = filter_above(found, query(process, "query-named-block-nodes"));
  return filter.is_null() ? found : filter;
}

/// What a node lists of a bitmap; null if it does not.
json listed_bitmap(const json& node, const std::string& bitmap) {
  if (!node.is_object() || !node.contains("dirty-bitmaps")) return nullptr;
  for (const json& listed : node["dirty-bitmaps"]) {
    if (listed.value("name", "") == bitmap) return listed;
  }
  return nullptr;
}

}  // namespace

json find_node(QemuProcess& process, const std::string& node) {
  const json devices = query(process, "query-block");
  for (const json& device : devices) {
    if (!device.contains("inserted")) continue;
    const json& inserted = device["inserted"];
    if (device["device"] == node || inserted["node-name"] == node) return inserted;
  }
  const json nodes = query(process, "query-named-block-nodes");
  for (const json& each : nodes) {
    if (each["node-name"] == node) return each;
  }
  return nullptr;
}

json hashed_bits(QemuProcess& process, const std::string& node, const std::string& bitmap) {
  const json reply = process.execute({{"execute", "x-debug-block-dirty-bitmap-sha256"},
                                      {"arguments", {{"node", node}, {"name", bitmap}}}});
  if (!reply.contains("return")) return reply;
  const json place = node_meant(process, node);
  const json listed = listed_bitmap(place, bitmap);
  if (listed.is_null()) throw SubjectFailure("QEMU hashes a bitmap that it does not list");
  const json& size = place["image"]["virtual-size"];
  // To hash what it should be takes memory for each bit.
  constexpr std::uint64_t most_bits = std::uint64_t{1} << 32;
  if (size.get<std::uint64_t>() / listed["granularity"].get<std::uint64_t>() > most_bits) {
    if (json runs = bits_by_run(process, node, bitmap); !runs.is_null()) return runs;
    throw SubjectFailure("QEMU tells of a bitmap with more than 4294967296 bits");
  }
  return {{"sha256", reply["return"]["sha256"]},
          {"count", listed["count"]},
          {"granularity", listed["granularity"]},
          {"size", size}};
}

json bits_by_run(QemuProcess& process, const std::string& node, const std::string& bitmap) {
  const json place = node_meant(process, node);
  const json listed = listed_bitmap(place, bitmap);
  if (listed.is_null()) return nullptr;
  const std::optional<json> runs = exported_bits(process, place, listed);
  return runs ? json{{"must", *runs}, {"may", *runs}} : json();
}

}  // namespace sim
