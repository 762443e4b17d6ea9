// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "engine/block/layer.h"

namespace engine::block {

/// Where the overlay of an external snapshot comes from (QMP's NewImageMode).
enum class SnapshotMode { existing, absolute_paths };

/// What blockdev-snapshot-sync was asked for; names that were not given are absent.
struct SnapshotOptions {
  std::optional<std::string> device;
  std::optional<std::string> node_name;
  std::string snapshot_file;
  std::optional<std::string> snapshot_node_name;
  std::string format = "qcow2";
  SnapshotMode mode = SnapshotMode::absolute_paths;
};

/// Puts an overlay on top of a node: the devices move to it, the node turns read-only and its
/// bitmaps are stored (S65, S67), or stays writable if they cannot be (M37). Throws Refusal in
/// QEMU's words and in its order of checks.
io::Task<void> take_snapshot(Layer& layer, SnapshotOptions options);

/// Makes the base of a snapshot read-only. Where that fails it stays writable, and what could not
/// be stored is tried again when it is closed.
io::Task<void> rest_base(Layer& layer, Node& base);

/// Refuses a node that others use as their file: they might be writing it. QEMU goes on.
void require_no_file(const Layer& layer, const Node& node);

}  // namespace engine::block
