// SPDX-License-Identifier: MIT
#include "engine/block/drained_section.h"

#include <algorithm>
#include <utility>

#include "engine/block/layer.h"

namespace engine::block {

DrainedSection::DrainedSection(Layer& layer, const Node& node)
    : DrainedSection(layer.graph().connected(node)) {}

DrainedSection::DrainedSection(Layer& layer) : DrainedSection(layer.graph().nodes()) {}

DrainedSection::DrainedSection(const std::vector<Node*>& nodes) {
  for (Node* node : nodes) {
    node->quiesce();
    members_.push_back({node, node->life()});
  }
}

io::Task<void> DrainedSection::settle() {
  // A request of one node may start one of another: all have to be idle at the same time.
  const auto busy = [](const Member& each) { return !each.node->requests().idle(); };
  for (auto found = std::ranges::find_if(members_, busy); found != members_.end();
       found = std::ranges::find_if(members_, busy)) {
    co_await found->node->requests().until_idle();
  }
}

void DrainedSection::end() {
  for (const Member& each : std::exchange(members_, {})) {
    if (!each.life.expired()) each.node->unquiesce();
  }
}

}  // namespace engine::block
