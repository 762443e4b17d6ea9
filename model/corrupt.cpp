// SPDX-License-Identifier: MIT
#include <algorithm>

#include "model/parts.h"

namespace model {

namespace {

/// M73, of this layer alone.
Trouble trouble_here(State& state, Node& layer, const Runs& seen) {
  if (layer.filter()) return {};
  if (layer.dead) return {{"No medium found"}, true};
  Image& image = state.files.at(layer.file);
  Runs sound = seen;
  sound.remove(image.broken);
  if (sound == seen) return {};
  layer.dead = !layer.read_only;
  if (layer.dead) image.damaged.insert("corrupt");
  return {{"Input/output error"}, true};
}

/// What shows through a layer.
Runs below(const Image& image, const Runs& seen) {
  Runs through;
  for (const auto& [start, end] : seen) {
    walk(image.data, start, end, [&through](Number from, const Extent& extent) {
      if (extent.through) through.add(from, extent.end);
    });
  }
  return through;
}

}  // namespace

Trouble trouble_of_tables(State& state, const Node& node, Number start, Number end) {
  Runs seen;
  seen.add(start, end);
  for (int id = node.id; id != 0 && !seen.empty(); id = state.nodes.at(id).below) {
    Node& layer = state.nodes.at(id);
    const Trouble trouble = trouble_here(state, layer, seen);
    if (trouble.certain) return trouble;
    if (!layer.filter()) seen = below(state.files.at(layer.file), seen);
  }
  return {};
}

Trouble trouble_of_written(State& state, const Node& node, Number start, Number end) {
  const Number cluster = state.files.at(node.file).cluster;
  const Number first = start / cluster * cluster, last = (end + cluster - 1) / cluster * cluster;
  Trouble trouble = trouble_of_tables(state, node, first, start);
  if (!trouble.certain) trouble = trouble_of_tables(state, node, end, last);
  if (trouble.certain) return trouble;
  Runs written;
  written.add(start, end);
  return trouble_here(state, state.nodes.at(node.id), written);
}

}  // namespace model
