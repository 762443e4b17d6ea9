// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>

#include "model/parts.h"

namespace model {

using nlohmann::json;

void check_usable(const Bitmap& bitmap, bool must_be_writable, bool must_be_consistent) {
  const std::string name = "Bitmap '" + bitmap.name + "' is ";
  if (must_be_writable && bitmap.read_only) throw Refused{name + "readonly and cannot be modified"};
  if (must_be_consistent && bitmap.inconsistent)
    throw Refused{name + "inconsistent and cannot be used"};
}

namespace {

Node& node_of(State& state, const std::string& name) {
  Node* node = find_node(state, name);
  if (!node) throw no_node(name);
  return *node;
}

Bitmap* find_bitmap(Node& node, const std::string& name) {
  for (Bitmap& bitmap : node.bitmaps) {
    if (bitmap.name == name) return &bitmap;
  }
  return nullptr;
}

Bitmap& bitmap_of(Node& node, const std::string& name) {
  Bitmap* bitmap = find_bitmap(node, name);
  if (!bitmap) throw no_bitmap(name);
  return *bitmap;
}

Bitmap& bitmap_of(State& state, const json& arguments) {
  return bitmap_of(node_of(state, text(arguments, "node")), text(arguments, "name"));
}

/// M6, M41: what may or may not have been written by now may or may not be seen.
void doubt_pending_writes(State& state, const Node& node, Bitmap& bitmap) {
  Runs pending = pending_copies(state, node);
  pending.add(in_flight(state, node));
  if (pending.empty()) return;
  bitmap.unsure.add(pending);
  if (bitmap.enabled) bitmap.bits.may.add(units_of(pending, bitmap.granularity));
}

/// S1
Number default_granularity(const State& state, const Node& node) {
  const Image& image = state.files.at(node.file);
  if (image.format == "raw") return 65536;
  return std::clamp<Number>(image.cluster, 4096, 65536);
}

}  // namespace

bool too_large_to_store(Number size, Number granularity) {
  const Number limit = Number{512} << 20, most = limit * 8 * granularity;
  return size > most;
}

namespace {

/// S7, S8 (M3 on what comes first)
void check_can_store(const State& state, const Node& node, const Bitmap& bitmap) {
  const Image& image = state.files.at(node.file);
  const auto cannot = [&](const std::string& why) {
    throw Refused{"Can't make bitmap '" + bitmap.name + "' persistent in '" +
                  shown_name(state, node) + "': " + why};
  };
  if (image.version < 3) cannot("Cannot store dirty bitmaps in qcow2 v2 files");
  if (bitmap.name.size() > 1023) cannot("Name length exceeds maximum (1023 characters)");
  if (too_large_to_store(image.size, bitmap.granularity))
    cannot("Too much space will be occupied by the bitmap. Use larger granularity");
}

}  // namespace

/// S1…S10
json bitmap_add(State& state, const json& arguments) {
  Bitmap bitmap{.name = arguments["name"]};
  if (bitmap.name.empty()) throw Refused{"Bitmap name cannot be empty"};
  Node* node = &node_called(state, text(arguments, "node"));
  bitmap.granularity = arguments.value("granularity", default_granularity(state, *node));
  if (bitmap.granularity < 512 || !std::has_single_bit(bitmap.granularity))
    throw Refused{"Granularity must be power of 2 and at least 512"};
  bitmap.persistent = arguments.value("persistent", false);
  bitmap.enabled = !arguments.value("disabled", false);
  if (bitmap.persistent && node->driver != "qcow2") {
    throw Refused{"Can't store persistent bitmaps to " + shown_name(state, *node) +
                  ": Operation not supported"};
  }
  if (find_bitmap(*node, bitmap.name)) throw Refused{"Bitmap already exists: " + bitmap.name};
  if (bitmap.persistent) check_can_store(state, *node, bitmap);
  if (bitmap.name.size() > 1023) throw Refused{"Bitmap name too long: " + bitmap.name};
  doubt_pending_writes(state, *node, bitmap);
  node->bitmaps.insert(node->bitmaps.begin(), std::move(bitmap));
  return json::object();
}

/// S15
json bitmap_remove(State& state, const json& arguments) {
  Node& node = node_of(state, text(arguments, "node"));
  const Bitmap& bitmap = bitmap_of(node, text(arguments, "name"));
  check_usable(bitmap, true, false);
  const auto named = [name = bitmap.name](const auto& each) { return each.name == name; };
  if (bitmap.persistent) remove_stored(state, node, bitmap.name);
  std::erase_if(node.bitmaps, named);
  return json::object();
}

/// S16
json bitmap_clear(State& state, const json& arguments) {
  Bitmap& bitmap = bitmap_of(state, arguments);
  check_usable(bitmap, true, true);
  bitmap.bits = {};
  doubt_pending_writes(state, *find_node(state, text(arguments, "node")), bitmap);
  return json::object();
}

namespace {

/// S17
json set_recording(State& state, const json& arguments, bool enabled) {
  Bitmap& bitmap = bitmap_of(state, arguments);
  check_usable(bitmap, false, true);
  if (bitmap.enabled == enabled) return json::object();
  bitmap.enabled = enabled;
  doubt_pending_writes(state, *find_node(state, text(arguments, "node")), bitmap);
  return json::object();
}

/// The granules of one size, none past the disk, that those of another size touch (S20, M18).
Runs regrained(const Runs& granules, Number from, Number to, Number size) {
  Runs bytes;
  for (const auto& [start, end] : granules) bytes.add(start * from, std::min(end * from, size));
  return units_of(bytes, to);
}

Number size_of(const State& state, const Node& node) { return state.files.at(node.file).size; }

}  // namespace

json bitmap_enable(State& state, const json& arguments) {
  return set_recording(state, arguments, true);
}

json bitmap_disable(State& state, const json& arguments) {
  return set_recording(state, arguments, false);
}

/// S18…S22, and nothing at all for an empty list (L1)
json bitmap_merge(State& state, const json& arguments) {
  Node& node = node_of(state, text(arguments, "node"));
  Bitmap& target = bitmap_of(node, text(arguments, "target"));
  Known merged = target.bits;
  for (const json& each : arguments["bitmaps"]) {
    Node& source_node = each.is_string() ? node : node_of(state, each.at("node"));
    const std::string name = each.is_string() ? each : each.at("name");
    const Bitmap& source = bitmap_of(source_node, name);
    check_usable(target, true, true);
    check_usable(source, false, true);
    const Number to = size_of(state, node), from = size_of(state, source_node);
    if (to != from) {
      throw Refused{"Bitmaps are of different sizes (destination size is " + std::to_string(to) +
                    ", source size is " + std::to_string(from) + ") and can't be merged"};
    }
    merged.must.add(regrained(source.bits.must, source.granularity, target.granularity, to));
    merged.may.add(regrained(source.bits.may, source.granularity, target.granularity, to));
  }
  target.bits = std::move(merged);
  return json::object();
}

/// S35
json bitmap_sha256(State& state, const json& arguments) {
  const Node& node = node_of(state, text(arguments, "node"));
  const Bitmap& bitmap = bitmap_of(state, arguments);
  if (!bitmap.bits.exact()) return {{"sha256", {{"$any", true}}}};
  const Number granules = (size_of(state, node) + bitmap.granularity - 1) / bitmap.granularity;
  std::vector<std::uint8_t> bits(std::max<Number>(8, (granules + 63) / 64 * 8));
  for (const auto& [start, end] : bitmap.bits.must) {
    for (auto at = start; at < end; ++at) {
      bits[at / 8] = static_cast<std::uint8_t>(bits[at / 8] | 1u << at % 8);
    }
  }
  return {{"sha256", sha256_hex(bits)}};
}

}  // namespace model
