// SPDX-License-Identifier: MIT
#include <algorithm>

#include "model/model.h"
#include "model/parts.h"

namespace model {

using nlohmann::json;

namespace {

bool moves(const State& state) {
  return !state.in_flight.empty() || std::ranges::any_of(state.jobs, [](const Job& job) {
    return job.status != Status::concluded;
  });
}

/// Whether what is below the node may show that value in all of [start, end).
bool below_shows(const State& state, const Node& node, Number start, Number end,
                 const Bytes& value) {
  Number covered = start;
  if (node.below != 0) {
    const Node& below = state.nodes.at(node.below);
    const Number stop = std::clamp(state.files.at(below.file).size, start, end);
    for (const Piece& piece : look(state, below, start, stop)) {
      if ((piece.bytes & value).none()) return false;
    }
    covered = stop;
  }
  return covered == end || value == zero_byte;
}

/// The layer holds `value` there, or nothing of its own. A crash may still bring back what else it
/// might have held.
void settle(Image& image, Number start, const Extent& was, const Bytes& value) {
  const bool through = value.none();
  if (was.through == through && was.own == value) return;
  blend(image.unsynced, start, was.end, was, {});
  if (through) erase(image.data, start, was.end);
  if (!through) paint(image.data, start, was.end, value);
}

/// M9: a byte that was read is the layer's own, or shows through, if only one of these can be.
void narrow(State& state, const Node& node, Number start, Number end, const Bytes& value) {
  if (node.filter()) return narrow(state, state.nodes.at(node.below), start, end, value);
  Image& image = state.files.at(node.file);
  const Extents before = image.data;
  walk(before, start, end, [&](Number from, const Extent& extent) {
    const bool may_be_own = (extent.own & value).any();
    const bool must_be_own = !extent.through || !below_shows(state, node, from, extent.end, value);
    if (may_be_own && must_be_own) return settle(image, from, extent, value);
    if (may_be_own) return;
    settle(image, from, extent, {});
    if (node.below == 0) return;
    const Node& below = state.nodes.at(node.below);
    const Number stop = std::min(extent.end, state.files.at(below.file).size);
    if (from < stop) narrow(state, below, from, stop, value);
  });
}

}  // namespace

bool learn_contents(State& state, const std::string& name, const json& seen) {
  const Node* node = find_node(state, name);
  if (!node || moves(state)) return false;
  for (const json& run : seen) {
    const Number start = run[0], end = start + run[1].get<Number>();
    if (run[2].size() != 1) continue;
    Bytes value;
    value.set(run[2][0].get<std::size_t>());
    for (const Piece& piece : look(state, *node, start, end)) {
      if (piece.bytes.count() > 1) narrow(state, *node, piece.start, piece.end, value);
    }
  }
  return true;
}

bool learn_dirty(State& state, const std::string& at, const std::string& name, const json& seen) {
  Node* node = find_node(state, at);
  if (!node || moves(state)) return false;
  for (Bitmap& bitmap : node->bitmaps) {
    if (bitmap.name != name || bitmap.bits.exact() || bitmap.inconsistent) continue;
    Runs dirty;
    for (const json& run : seen) {
      dirty.add(run[0].get<Number>(), run[0].get<Number>() + run[1].get<Number>());
    }
    dirty = units_of(dirty, bitmap.granularity);
    bitmap.bits = {dirty, dirty};
    bitmap.unsure = {};
    return true;
  }
  return false;
}

}  // namespace model
