// SPDX-License-Identifier: MIT
#include "model/model.h"
#include "model/parts.h"

namespace model {

using nlohmann::json;

json between(Number low, Number high) {
  if (low == high) return low;
  return {{"$between", {low, high}}};
}

namespace {

/// S28, S31, S32, S34
json bitmap_info(const Bitmap& bitmap) {
  const Number low = bitmap.bits.must.total(), high = bitmap.bits.may.total();
  json info;
  info["name"] = bitmap.name;
  info["count"] = between(low * bitmap.granularity, high * bitmap.granularity);
  info["granularity"] = bitmap.granularity;
  info["recording"] = bitmap.enabled;
  info["busy"] = false;
  info["persistent"] = bitmap.persistent;
  if (bitmap.inconsistent) info["inconsistent"] = true;
  return info;
}

/// M11, M13
json node_info(State& state, Node& node, std::size_t depth) {
  const Image& image = state.files.at(node.file);
  json size = image.size;
  for (const Job& job : state.jobs) {
    if (job.base == node.id && may_be_short(state, job)) {
      size = {{"$one-of", {job.old_size, image.size}}};
    }
  }
  json info;
  info["node-name"] = node_name(node);
  info["drv"] = node.driver;
  info["ro"] = node.read_only;
  info["file"] = shown_file(state, node);
  info["backing_file_depth"] = depth;
  json& shown = info["image"];
  shown["filename"] = info["file"];
  shown["format"] = node.driver;
  shown["virtual-size"] = std::move(size);
  if (image.format == "qcow2") shown["cluster-size"] = image.cluster;
  if (node.below != 0 && !node.filter()) {
    info["backing_file"] = shown_file(state, state.nodes.at(node.below));
  }
  for (const Bitmap& bitmap : node.bitmaps) info["dirty-bitmaps"].push_back(bitmap_info(bitmap));
  return info;
}

}  // namespace

/// S30; filters without a name of their own are passed over (M11)
json query_block(State& state, const json&) {
  json devices = json::array();
  for (const Device& device : state.devices) {
    std::vector<Node*> chain = chain_of(state, state.nodes.at(device.root));
    std::erase_if(chain, [](const Node* node) { return node->filter() && node->name.empty(); });
    json shown;
    shown["device"] = device.id;
    shown["inserted"] = node_info(state, *chain.front(), chain.size() - 1);
    devices.push_back(std::move(shown));
  }
  return devices;
}

/// S30, M12
json query_named_block_nodes(State& state, const json& arguments) {
  json nodes = json::array();
  for (auto& [id, node] : state.nodes) {
    const bool flat = arguments.value("flat", false);
    nodes.push_back(node_info(state, node, flat ? 0 : chain_of(state, node).size() - 1));
  }
  return nodes;
}

json query_anything(State&, const json&) { return {{"$any", true}}; }

json dirty_ranges(const State& state, const std::string& name, const std::string& bitmap_name) {
  const Node* node = find_node(state, name);
  if (!node) return error_reply(no_node(name));
  for (const Bitmap& bitmap : node->bitmaps) {
    if (bitmap.name != bitmap_name) continue;
    json ranges;
    for (const auto& [key, granules] :
         {std::pair{"must", &bitmap.bits.must}, std::pair{"may", &bitmap.bits.may}}) {
      ranges[key] = json::array();
      for (const auto& [start, end] : *granules) {
        const Number first = start * bitmap.granularity;
        const Number last = std::min(end * bitmap.granularity, state.files.at(node->file).size);
        ranges[key].push_back({first, last - first});
      }
    }
    return ranges;
  }
  return error_reply(no_bitmap(bitmap_name));
}

}  // namespace model
