// SPDX-License-Identifier: MIT
#include "engine/block/filename.h"

#include <nlohmann/json.hpp>

namespace engine::block {
namespace {

const Node& unfiltered(const Node& node) {
  const Node* found = &node;
  while (const Node* below = found->driver().filtered()) found = below;
  return *found;
}

/// Whether the backing is not the one that opening the image by its name alone would give.
bool has_other_backing(const Graph& graph, const Node& node) {
  const Node* backing = graph.backing(node);
  const std::string shown = backing != nullptr ? shown_filename(graph, *backing) : std::string();
  return shown != node.named_backing();
}

std::string json_string(std::string_view text) { return nlohmann::json(text).dump(); }

/// What it takes to open the node, with blanks where QEMU has them.
std::string options_text(const Graph& graph, const Node& filter_or_node) {
  const Node& node = unfiltered(filter_or_node);
  const Node* file = graph.file(node);
  std::string text = "{";
  if (has_other_backing(graph, node)) {
    const Node* backing = graph.backing(node);
    text += "\"backing\": ";
    text += backing != nullptr ? options_text(graph, *backing) : "null";
    text += ", ";
  }
  text += "\"driver\": " + json_string(node.driver().format());
  if (file != nullptr) return text + ", \"file\": " + options_text(graph, *file) + "}";
  return text + ", \"filename\": " + json_string(node.filename()) + "}";
}

}  // namespace

std::string shown_filename(const Graph& graph, const Node& filter_or_node) {
  const Node& node = unfiltered(filter_or_node);
  if (!has_other_backing(graph, node)) return node.filename();
  return "json:" + options_text(graph, node);
}

}  // namespace engine::block
