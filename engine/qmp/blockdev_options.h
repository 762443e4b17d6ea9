// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "engine/block/node_options.h"

namespace engine::qmp {

/// Reads the arguments of blockdev-add (QMP's BlockdevOptions). What only says how QEMU does its
/// I/O is checked and passed over. Throws Refusal in QEMU's words and in its order.
block::NodeOptions parse_blockdev_options(const nlohmann::json& arguments);

}  // namespace engine::qmp
