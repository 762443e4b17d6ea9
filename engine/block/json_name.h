// SPDX-License-Identifier: MIT
#pragma once

#include "engine/block/node_options.h"

namespace engine::block {

/// Whether a file name is "json:{…}": not the name of a file, but what it takes to open a node.
inline bool is_json_name(std::string_view filename) { return filename.starts_with("json:"); }

/// What such a name says; its members may be nested or have dotted names ("file.filename").
/// `format` is what the node is to be whatever the name says; absent: that, and if it says nothing
/// an empty driver, for which the first bytes decide. Throws Refusal in QEMU's words.
std::shared_ptr<NodeOptions> parse_json_name(std::string_view filename,
                                             const std::optional<std::string>& format);

}  // namespace engine::block
