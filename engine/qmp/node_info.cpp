// SPDX-License-Identifier: MIT
#include "engine/qmp/node_info.h"

#include <nlohmann/json.hpp>

#include "engine/block/filename.h"
#include "engine/block/image_bitmaps.h"
#include "engine/qcow2/header.h"
#include "engine/qmp/object.h"

namespace engine::qmp {
namespace {

using nlohmann::json;

json bitmap_info(const block::NodeBitmap& bitmap) {
  json info = object({{"count", bitmap.bits.dirty_bytes().value},
                      {"granularity", bitmap.bits.granularity().bytes()},
                      {"recording", bitmap.records()},
                      {"busy", false},
                      {"persistent", bitmap.persistent()}});
  if (!bitmap.name.empty()) info["name"] = bitmap.name;
  if (bitmap.inconsistent) info["inconsistent"] = true;
  return info;
}

json stored_bitmaps(const block::ImageBitmaps& bitmaps) {
  json all = json::array();
  for (const auto& entry : bitmaps.directory()) {
    json flags = json::array();
    if (entry.in_use) flags.push_back("in-use");
    if (entry.auto_record) flags.push_back("auto");
    all.push_back(object({{"name", entry.name},
                          {"granularity", entry.granularity.bytes()},
                          {"flags", std::move(flags)}}));
  }
  return all;
}

json qcow2_info(const block::Node& node, const qcow2::Header& header) {
  json data = object({{"compat", header.version == 2 ? "0.10" : "1.1"},
                      {"compression-type", "zlib"},
                      {"refcount-bits", header.refcount_bits()}});
  if (header.version > 2) {
    constexpr std::uint64_t lazy_refcounts = 1;
    data["lazy-refcounts"] = (header.compatible_features & lazy_refcounts) != 0;
    data["corrupt"] = header.has(qcow2::incompatible::corrupt);
    data["extended-l2"] = false;
  }
  if (!node.image_bitmaps()->directory().empty()) {
    data["bitmaps"] = stored_bitmaps(*node.image_bitmaps());
  }
  return object({{"type", "qcow2"}, {"data", std::move(data)}});
}

void add_backing_names(json& info, const block::Node& node, const qcow2::Header& header) {
  if (header.backing_file.empty()) return;
  info["backing-filename"] = header.backing_file;
  info["full-backing-filename"] = block::resolve_path(node.filename(), header.backing_file);
  if (!header.backing_format.empty()) info["backing-filename-format"] = header.backing_format;
}

const block::Node* passing_over_implicit(const block::Layer& layer, const block::Node* node) {
  while (node != nullptr && node->driver().implicit()) node = layer.graph().backing(*node);
  return node;
}

/// The next node that the description shows; null if there is none.
const block::Node* shown_below(const block::Layer& layer, const block::Node& node,
                               Nesting nesting) {
  const block::Node* below = nesting == Nesting::flat ? nullptr : layer.graph().backing(node);
  return nesting == Nesting::device ? passing_over_implicit(layer, below) : below;
}

json image_info(const block::Layer& layer, const block::Node& node, Nesting nesting) {
  json info = object({{"virtual-size", node.length().value},
                      {"filename", block::shown_filename(layer.graph(), node)},
                      {"format", node.driver().format()},
                      {"dirty-flag", false}});
  if (const auto cluster_size = block::cluster_size(node)) {
    info["cluster-size"] = cluster_size->value;
  }
  if (const qcow2::Image* image = node.driver().image()) {
    const qcow2::Header& header = image->header();
    info["dirty-flag"] = header.has(qcow2::incompatible::dirty);
    info["format-specific"] = qcow2_info(node, header);
    add_backing_names(info, node, header);
  }
  const block::Node* below = shown_below(layer, node, nesting);
  if (below != nullptr) info["backing-image"] = image_info(layer, *below, nesting);
  return info;
}

/// How many backing images the description shows.
unsigned shown_depth(const block::Layer& layer, const block::Node& node, Nesting nesting) {
  const block::Node* below = shown_below(layer, node, nesting);
  return below != nullptr ? 1 + shown_depth(layer, *below, nesting) : 0;
}

/// What QEMU says of throttling and caching; this engine has neither.
const json& constant_part() {
  static const json part{{"iops", 0},
                         {"iops_rd", 0},
                         {"iops_wr", 0},
                         {"bps", 0},
                         {"bps_rd", 0},
                         {"bps_wr", 0},
                         {"write_threshold", 0},
                         {"detect_zeroes", "off"},
                         {"encrypted", false},
                         {"cache", {{"no-flush", false}, {"direct", false}, {"writeback", true}}}};
  return part;
}

}  // namespace

const block::Node& shown_root(const block::Layer& layer, const block::Device& device) {
  return *passing_over_implicit(layer, &device.root());
}

json node_info(const block::Layer& layer, const block::Node& node, Nesting nesting) {
  json info = constant_part();
  info["node-name"] = node.name();
  info["file"] = block::shown_filename(layer.graph(), node);
  info["drv"] = node.driver().format();
  info["ro"] = node.read_only();
  info["image"] = image_info(layer, node, nesting);
  info["backing_file_depth"] = shown_depth(layer, node, nesting);
  const block::Node* backing = layer.graph().backing(node);
  if (backing != nullptr && node.driver().filtered() == nullptr) {
    info["backing_file"] = block::shown_filename(layer.graph(), *backing);
  }
  if (!node.bitmaps().empty()) {
    json& all = info["dirty-bitmaps"] = json::array();
    for (const auto& bitmap : node.bitmaps()) all.push_back(bitmap_info(*bitmap));
  }
  return info;
}

}  // namespace engine::qmp
