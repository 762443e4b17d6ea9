// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/block/layer.h"

namespace engine::block {

/// What block_resize was asked for; names that were not given are absent.
struct ResizeRequest {
  std::optional<std::string> device;
  std::optional<std::string> node_name;
  std::int64_t size = 0;  ///< bytes, as given: a negative one is refused
};

/// Grows or shrinks a disk and its bitmaps, with QEMU's checks in QEMU's order (S59-S63). Throws
/// Refusal, and then the size is what it was.
io::Task<void> resize_disk(Layer& layer, ResizeRequest request);

/// As resize_disk, for a node that is found, may be resized by whoever calls, and is drained.
io::Task<void> resize_drained(Layer& layer, Node& node, ByteCount size);

}  // namespace engine::block
