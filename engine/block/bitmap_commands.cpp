// SPDX-License-Identifier: MIT
#include "engine/block/bitmap_commands.h"

#include <algorithm>

#include "engine/block/image_bitmaps.h"
#include "engine/error.h"
#include "engine/qcow2/header.h"

namespace engine::block {
namespace {

constexpr std::size_t max_name_length = 1023;

bitmap::Granularity checked_granularity(const Node& node, std::optional<std::uint32_t> bytes) {
  if (!bytes) return default_granularity(node);
  if (!bitmap::Granularity::valid(*bytes)) {
    throw Refusal("Granularity must be power of 2 and at least 512");
  }
  return bitmap::Granularity(*bytes);
}

void check_can_persist(const Layer& layer, const Node& node, const NewBitmap& bitmap,
                       bitmap::Granularity granularity) {
  const std::string& shown = layer.shown_name(node);
  if (node.image_bitmaps() == nullptr) {
    throw Refusal("Can't store persistent bitmaps to " + shown + ": Operation not supported");
  }
  if (node.find_bitmap(bitmap.name) != nullptr) {
    throw Refusal("Bitmap already exists: " + bitmap.name);
  }
  const std::string prefix =
      "Can't make bitmap '" + bitmap.name + "' persistent in '" + shown + "': ";
  const bool too_long = bitmap.name.size() > max_name_length;
  if (too_long && node.driver().image()->header().version >= 3) {
    throw Refusal(prefix + "Name length exceeds maximum (1023 characters)");
  }
  std::string reason;
  try {
    node.image_bitmaps()->check_can_add(bitmap.name, granularity);
  } catch (const Refusal& refusal) {
    reason = refusal.what();
  }
  if (!reason.empty()) throw Refusal(prefix + reason);
}

NodeBitmap& find_source(const Layer& layer, const BitmapAddress& target,
                        const MergeSource& source) {
  if (const auto* address = std::get_if<BitmapAddress>(&source)) {
    return require_bitmap(layer, *address);
  }
  return require_bitmap(layer, {target.node, std::get<std::string>(source)});
}

io::Task<void> remove_stored(Layer& layer, Node& node, const NodeBitmap& bitmap) {
  const io::Mutex::Guard guard = co_await layer.changes().lock();
  DrainedSection drained(layer, node);
  co_await drained.settle();
  co_await node.image_bitmaps()->remove(bitmap.name);
  node.remove_bitmap(bitmap);
}

void require_same_size(const NodeBitmap& target, const NodeBitmap& source) {
  if (target.bits.disk_size() == source.bits.disk_size()) return;
  throw Refusal("Bitmaps are of different sizes (destination size is " +
                std::to_string(target.bits.disk_size().value) + ", source size is " +
                std::to_string(source.bits.disk_size().value) + ") and can't be merged");
}

}  // namespace

bitmap::Granularity default_granularity(const Node& node) {
  constexpr std::uint64_t least = 4096;
  constexpr std::uint64_t greatest = 65536;
  const std::optional<ByteCount> clusters = cluster_size(node);
  if (!clusters) return bitmap::Granularity(greatest);
  return bitmap::Granularity(std::clamp(clusters->value, least, greatest));
}

Node& require_bitmap_node(const Layer& layer, const std::string& device_or_node) {
  Node* node = layer.find_node(device_or_node);
  if (node == nullptr) throw Refusal("Node '" + device_or_node + "' not found");
  return *node;
}

NodeBitmap& require_bitmap(const Layer& layer, const BitmapAddress& address) {
  NodeBitmap* found = require_bitmap_node(layer, address.node).find_bitmap(address.name);
  if (found == nullptr) throw Refusal("Dirty bitmap '" + address.name + "' not found");
  return *found;
}

void add_bitmap(Layer& layer, const NewBitmap& bitmap) {
  if (bitmap.name.empty()) throw Refusal("Bitmap name cannot be empty");
  Node& node = layer.require_node(bitmap.node, bitmap.node);
  const bitmap::Granularity granularity = checked_granularity(node, bitmap.granularity);
  if (bitmap.lifetime == Lifetime::persistent) {
    check_can_persist(layer, node, bitmap, granularity);
  }
  if (node.find_bitmap(bitmap.name) != nullptr) {
    throw Refusal("Bitmap already exists: " + bitmap.name);
  }
  if (bitmap.name.size() > max_name_length) {
    throw Refusal("Bitmap name too long: " + bitmap.name);
  }
  node.add_bitmap({.name = bitmap.name,
                   .bits = bitmap::DirtyBits(node.length(), granularity),
                   .recording = bitmap.recording,
                   .lifetime = bitmap.lifetime});
}

io::Task<void> remove_bitmap(Layer& layer, const BitmapAddress& address) {
  NodeBitmap& bitmap = require_bitmap(layer, address);
  Node& node = require_bitmap_node(layer, address.node);
  require_may_remove(bitmap);
  if (bitmap.persistent() && !node.read_only()) return remove_stored(layer, node, bitmap);
  node.remove_bitmap(bitmap);
  return io::Task<void>::ready();
}

void clear_bitmap(Layer& layer, const BitmapAddress& address) {
  NodeBitmap& bitmap = require_bitmap(layer, address);
  require_may_modify(bitmap);
  bitmap.bits.clear();
}

void set_recording(Layer& layer, const BitmapAddress& address, Recording recording) {
  NodeBitmap& bitmap = require_bitmap(layer, address);
  require_may_switch(bitmap);
  bitmap.recording = recording;
}

void merge_bitmaps(Layer& layer, const BitmapAddress& target,
                   const std::vector<MergeSource>& sources) {
  NodeBitmap& into = require_bitmap(layer, target);
  bitmap::DirtyBits merged = into.bits;
  for (const MergeSource& source : sources) {
    const NodeBitmap& from = find_source(layer, target, source);
    require_may_modify(into);
    require_may_switch(from);
    require_same_size(into, from);
    merged.merge(from.bits);
  }
  into.bits = std::move(merged);
}

}  // namespace engine::block
