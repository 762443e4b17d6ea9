// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "engine/block/layer.h"

namespace engine::qmp {

/// Whether a node's description holds those of its backing images.
enum class Nesting { flat, deep };

/// A node as query-named-block-nodes shows it (BlockDeviceInfo, S30-S34), without `actual-size`,
/// which a Storage does not tell.
nlohmann::json node_info(const block::Layer& layer, const block::Node& node, Nesting nesting);

}  // namespace engine::qmp
