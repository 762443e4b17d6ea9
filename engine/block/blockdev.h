// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "engine/block/layer.h"
#include "engine/block/node_options.h"

namespace engine::block {

/// Makes a node that lives until delete_node, whoever else uses it meanwhile (blockdev-add). Throws
/// Refusal in QEMU's words and in its order; then nothing is left of it.
io::Task<void> add_node(Layer& layer, NodeOptions options);

/// Closes a node of add_node that nobody uses (blockdev-del), and what is below it and unused.
io::Task<void> delete_node(Layer& layer, std::string node_name);

/// Puts one node on top of another, as a snapshot does (blockdev-snapshot, S66-S69). Both are named
/// by a device or a node.
io::Task<void> put_overlay(Layer& layer, std::string node, std::string overlay);

}  // namespace engine::block
