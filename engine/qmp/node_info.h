// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "engine/block/layer.h"

namespace engine::qmp {

/// How much of what is below a node its description holds.
enum class Nesting {
  flat,   ///< nothing
  deep,   ///< its backing images
  device  ///< its backing images, as a device shows them: without filters that nobody has named
};

/// The node that a device shows: the first one below it that is no unnamed filter.
const block::Node& shown_root(const block::Layer& layer, const block::Device& device);

/// A node as query-named-block-nodes shows it (BlockDeviceInfo, S30-S34), without `actual-size`,
/// which a Storage does not tell.
nlohmann::json node_info(const block::Layer& layer, const block::Node& node, Nesting nesting);

}  // namespace engine::qmp
