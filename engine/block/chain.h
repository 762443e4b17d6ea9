// SPDX-License-Identifier: MIT
#pragma once

#include "engine/block/graph.h"
#include "engine/qcow2/image.h"

namespace engine::block {

/// What a chain has at `offset`, up to `length` bytes (at least one), looking from `top` down to
/// the node above `base`, or to the bottom if `base` is null: the topmost node that has something
/// decides. `unallocated` means that `base` shows, or zeros where there is none. Beyond the end of
/// a node below `top` there are zeros, and they hide what lies lower (S77, B69).
io::Task<qcow2::Extent> extent_above(const Graph& graph, Node& top, const Node* base,
                                     GuestOffset offset, ByteCount length);

}  // namespace engine::block
