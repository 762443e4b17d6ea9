// SPDX-License-Identifier: MIT
#include "engine/block/drained_section.h"

#include <algorithm>
#include <utility>

#include "engine/block/layer.h"

namespace engine::block {

DrainedSection::DrainedSection(Layer& layer, const Node& node)
    : nodes_(layer.graph().connected(node)) {
  for (Node* each : nodes_) each->quiesce();
}

io::Task<void> DrainedSection::settle() {
  // A request of one node may start one of another: all have to be idle at the same time.
  const auto busy = [](Node* node) { return !node->requests().idle(); };
  for (auto found = std::ranges::find_if(nodes_, busy); found != nodes_.end();
       found = std::ranges::find_if(nodes_, busy)) {
    co_await (*found)->requests().until_idle();
  }
}

void DrainedSection::end() {
  for (Node* node : std::exchange(nodes_, {})) node->unquiesce();
}

}  // namespace engine::block
