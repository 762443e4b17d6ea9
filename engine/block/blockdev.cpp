// SPDX-License-Identifier: MIT
#include "engine/block/blockdev.h"

#include <utility>

#include "engine/block/image_bitmaps.h"
#include "engine/block/snapshot.h"
#include "engine/error.h"

namespace engine::block {
namespace {

void check_may_delete(const Layer& layer, const Node& node) {
  const Graph& graph = layer.graph();
  const std::string& name = node.name();
  if (graph.has_user(node)) throw Refusal("Node " + name + " is in use");
  layer.require_not_busy(node, name);
  if (!graph.is_held(node, Role::owned)) {
    throw Refusal("Node " + name + " is not owned by the monitor");
  }
  if (graph.parent_count(node) > 1) throw Refusal("Block device " + name + " is in use");
}

void check_can_be_overlay(const Layer& layer, Node& overlay, Node& node) {
  const Graph& graph = layer.graph();
  // A filter is its job's.
  if (graph.has_user_above(overlay) || overlay.driver().filtered() != nullptr)
    throw Refusal("The overlay is already in use");
  if (overlay.image_bitmaps() == nullptr) {
    throw Refusal("The overlay does not support backing images");
  }
  if (graph.backing(overlay) != nullptr) throw Refusal("The overlay already has a backing image");
  if (graph.in_chain(node, overlay)) {
    throw Refusal("Making '" + node.name() + "' a backing child of '" + overlay.name() +
                  "' would create a cycle");
  }
}

}  // namespace

io::Task<void> add_node(Layer& layer, NodeOptions options) {
  if (!options.node_name) throw Refusal("'node-name' must be specified for the root node");
  const io::Mutex::Guard guard = co_await layer.changes().lock();
  const std::shared_ptr<NodeOptions> wanted = std::make_shared<NodeOptions>(std::move(options));
  Node* node = co_await layer.open_node(wanted);
  layer.own(*node);
}

io::Task<void> delete_node(Layer& layer, std::string node_name) {
  Node* node = layer.graph().find(node_name);
  if (node == nullptr) {
    throw Refusal("Failed to find node with node-name='" + node_name + "'");
  }
  check_may_delete(layer, *node);
  const io::Mutex::Guard guard = co_await layer.changes().lock();
  layer.disown(*node);
  co_await layer.close_unreferenced();
}

io::Task<void> put_overlay(Layer& layer, std::string node_name, std::string overlay_name) {
  const io::Mutex::Guard guard = co_await layer.changes().lock();
  DrainedSection drained(layer);
  co_await drained.settle();
  Node& node = layer.require_node(node_name, node_name);
  layer.require_not_busy(node, layer.shown_name(node));
  require_no_file(layer, node);
  Node& overlay = layer.require_node(overlay_name, overlay_name);
  check_can_be_overlay(layer, overlay, node);
  if (!node.read_only()) co_await node.flush();
  co_await rest_base(layer, node);
  layer.set_backing(overlay, node);
  layer.move_devices(node, overlay);
  drained.end();
  co_await layer.close_unreferenced();
}

}  // namespace engine::block
