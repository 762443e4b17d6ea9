// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/block/layer.h"

namespace engine::block {

/// What block-dirty-bitmap-add was asked for.
struct NewBitmap {
  std::string node;  ///< a device or a node, as everywhere here (S6)
  std::string name;
  std::optional<std::uint32_t> granularity;  ///< bytes; none: the node's default (S1)
  Lifetime lifetime = Lifetime::transient;
  Recording recording = Recording::on;
};

/// A bitmap named by its node and its name; both strings must outlive it.
struct BitmapAddress {
  const std::string& node;
  const std::string& name;
};
/// A source of a merge: a name alone means the target's node (S19).
using MergeSource = std::variant<std::string, BitmapAddress>;

// The bitmap commands, with QEMU's checks in QEMU's order (S1-S22). All throw Refusal.

void add_bitmap(Layer& layer, const NewBitmap& bitmap);
/// A persistent bitmap goes from the image before the task ends (S15); refuses before there is a
/// task.
io::Task<void> remove_bitmap(Layer& layer, const BitmapAddress& address);
void clear_bitmap(Layer& layer, const BitmapAddress& address);
void set_recording(Layer& layer, const BitmapAddress& address, Recording recording);
/// All sources are looked at before the target changes (S21). No source is fine (L1).
void merge_bitmaps(Layer& layer, const BitmapAddress& target,
                   const std::vector<MergeSource>& sources);

/// Throws "Node 'N' not found" or "Dirty bitmap 'B' not found" (S6, S13).
NodeBitmap& require_bitmap(const Layer& layer, const BitmapAddress& address);
Node& require_bitmap_node(const Layer& layer, const std::string& device_or_node);

/// The granularity that a bitmap on `node` gets if none is asked for (S1); a job's bitmap on the
/// way to `node` gets the same (S93).
bitmap::Granularity default_granularity(const Node& node);

}  // namespace engine::block
