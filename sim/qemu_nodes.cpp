// SPDX-License-Identifier: MIT
#include "sim/qemu_nodes.h"

#include <nlohmann/json.hpp>

namespace sim {

using nlohmann::json;

namespace {

/// The list that a query answers.
json query(QemuProcess& process, const char* command) {
  return process.execute({{"execute", command}}).at("return");
}

/// Where the bitmaps of a device or node are listed: on its node, or, since query-block looks
/// through them, on the filter of a job above that (M10, M11).
json nodes_that_list(QemuProcess& process, const std::string& node) {
  json lists = json::array();
  if (json found = find_node(process, node); !found.is_null()) lists.push_back(std::move(found));
  for (json& each : query(process, "query-named-block-nodes")) {
    if (each.value("drv", "").ends_with("_top")) lists.push_back(std::move(each));
  }
  return lists;
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
  const json lists = nodes_that_list(process, node);
  for (const json& each : lists) {
    for (const json& listed : each.value("dirty-bitmaps", json::array())) {
      if (listed.value("name", "") != bitmap) continue;
      return {{"sha256", reply["return"]["sha256"]},
              {"count", listed["count"]},
              {"granularity", listed["granularity"]},
              {"size", each["image"]["virtual-size"]}};
    }
  }
  throw SubjectFailure("QEMU hashes a bitmap that it does not list");
}

}  // namespace sim
