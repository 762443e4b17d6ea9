// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "engine/block/graph.h"

namespace engine::block {

/// The name of a node as queries show it and as overlays record it: that of its file, or, where
/// its backing is another one than the image itself names, "json:{…}" with all that it takes to
/// open it so.
std::string shown_filename(const Graph& graph, const Node& node);

}  // namespace engine::block
