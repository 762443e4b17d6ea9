// SPDX-License-Identifier: MIT
#include "engine/job/commit_plan.h"

#include "engine/block/filename.h"
#include "engine/error.h"

namespace engine::job {
namespace {

block::Node& find_root(block::Layer& layer, const std::string& device) {
  block::Node* node = layer.find_node(device);
  if (node == nullptr) {
    throw Refusal("Device '" + device + "' not found", ErrorClass::device_not_found);
  }
  if (!layer.graph().is_root(*node)) throw Refusal("Need a root block node");
  return *node;
}

/// A node of the chain by the name of its file; null if there is none.
block::Node* find_file(block::Layer& layer, block::Node& top, const std::string& filename) {
  const block::Node* overlay = nullptr;
  for (block::Node* node : layer.graph().chain(top)) {
    const std::string shown = block::shown_filename(layer.graph(), *node);
    if (shown == filename) return node;
    if (overlay != nullptr && shown == block::resolve_path(overlay->filename(), filename)) {
      return node;
    }
    overlay = node;
  }
  return nullptr;
}

block::Node& find_in_chain(block::Layer& layer, block::Node& top, const std::string& node_name) {
  block::Node& node = layer.require_node("", node_name);
  if (!layer.graph().in_chain(top, node)) {
    throw Refusal("'" + node_name + "' is not in this backing file chain");
  }
  return node;
}

block::Node& find_top(block::Layer& layer, block::Node& active, const CommitArguments& arguments) {
  if (arguments.top_node && arguments.top) {
    throw Refusal("'top-node' and 'top' are mutually exclusive");
  }
  if (arguments.top_node) return find_in_chain(layer, active, *arguments.top_node);
  if (!arguments.top) return active;
  block::Node* node = find_file(layer, active, *arguments.top);
  if (node == nullptr) throw Refusal("Top image file " + *arguments.top + " not found");
  return *node;
}

block::Node& find_base(block::Layer& layer, block::Node& top, const CommitArguments& arguments) {
  if (arguments.base_node && arguments.base) {
    throw Refusal("'base-node' and 'base' are mutually exclusive");
  }
  if (arguments.base_node) return find_in_chain(layer, top, *arguments.base_node);
  if (!arguments.base) return *layer.graph().chain(top).back();
  block::Node* node = find_file(layer, top, *arguments.base);
  // A top is not its own backing file; naming it by file looks below it.
  if (node == nullptr || node == &top) {
    throw Refusal("Can't find '" + *arguments.base + "' in the backing chain");
  }
  return *node;
}

}  // namespace

CommitPlan plan_commit(block::Layer& layer, const CommitArguments& arguments) {
  block::Node& active = find_root(layer, arguments.device);
  layer.require_not_busy(active, layer.shown_name(active));
  block::Node& top = find_top(layer, active, arguments);
  block::Node& base = find_base(layer, top, arguments);
  for (block::Node* node : layer.graph().chain(top)) {
    if (layer.graph().holder(*node, block::Holder::Kind::job) != nullptr) {
      layer.require_not_busy(*node, layer.shown_name(*node));
    }
    if (node == &base) break;
  }
  if (&top == &base) throw Refusal("cannot commit an image into itself");
  if (&top == &active && arguments.backing_file) {
    throw Refusal("'backing-file' specified, but 'top' is the active layer");
  }
  return {&active, &top, &base, arguments.backing_file, arguments.filter_node_name};
}

}  // namespace engine::job
