// SPDX-License-Identifier: MIT
#include "engine/block/drained_section.h"

#include <algorithm>
#include <utility>

#include "engine/block/layer.h"

namespace engine::block {

DrainedSection::DrainedSection(Layer& layer, const Node& node)
    : DrainedSection(layer, layer.graph().connected(node)) {}

DrainedSection::DrainedSection(Layer& layer) : DrainedSection(layer, layer.graph().nodes()) {}

DrainedSection::DrainedSection(Layer& layer, const std::vector<Node*>& nodes) : layer_(layer) {
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
  if (members_.empty()) return;
  for (const Member& each : std::exchange(members_, {})) {
    if (!each.life.expired()) each.node->unquiesce();
  }
  // A device may have come to stand on a node that was no member, as on a new overlay.
  for (const Holder* device : layer_.graph().devices()) Device::of(*device).let_go();
}

}  // namespace engine::block
