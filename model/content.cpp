// SPDX-License-Identifier: MIT
#include <algorithm>
#include <iterator>

#include "model/model.h"
#include "model/parts.h"

namespace model {

namespace {

void append(std::vector<Piece>& pieces, const Piece& piece) {
  const bool joins = !pieces.empty() && pieces.back().bytes == piece.bytes;
  if (joins) pieces.back().end = piece.end;
  if (!joins && piece.start < piece.end) pieces.push_back(piece);
}

}  // namespace

std::vector<Piece> look(const State& state, const Node& node, Number start, Number end) {
  if (node.filter()) return look(state, state.nodes.at(node.below), start, end);
  std::vector<Piece> pieces;
  walk(state.files.at(node.file).data, start, end, [&](Number from, const Extent& extent) {
    if (!extent.through) return append(pieces, {from, extent.end, extent.own});
    if (node.below != 0) {
      const Node& below = state.nodes.at(node.below);
      const Number to = std::min(extent.end, state.files.at(below.file).size);
      for (const Piece& piece : look(state, below, from, to)) {
        append(pieces, {piece.start, piece.end, piece.bytes | extent.own});
      }
      from = std::max(from, to);
    }
    append(pieces, {from, extent.end, extent.own | zero_byte});
  });
  return pieces;
}

namespace {

/// M9: until the next flush, a crash may bring back what was there before.
void remember(Image& image, Number start, Number end) {
  walk(image.data, start, end, [&image](Number from, const Extent& before) {
    blend(image.unsynced, from, before.end, before, {});
  });
}

}  // namespace

/// Clusters are allocated whole: the rest of a cluster keeps what could be read there (M30). Zeros
/// up to the end of the disk may reach what a cut left past it (M36).
void put(State& state, const Node& node, Number start, Number end, const Bytes& value) {
  Image& image = state.files.at(node.file);
  Number first = start / image.cluster * image.cluster;
  const Number cluster_end = (end - 1) / image.cluster * image.cluster + image.cluster;
  Number last = cluster_end;
  bool allocated = true;
  walk(image.data, first, last,
       [&allocated](Number, const Extent& extent) { allocated = allocated && !extent.through; });
  if (allocated) first = start, last = end;
  remember(image, first, last);
  std::vector<Piece> rest = look(state, node, first, start);
  for (const Piece& piece : look(state, node, end, last)) rest.push_back(piece);
  for (const Piece& piece : rest) paint(image.data, piece.start, piece.end, piece.bytes);
  paint(image.data, start, end, value);
  const bool to_the_end = end == image.size && value == zero_byte;
  if (to_the_end) blend(image.data, end, cluster_end, {0, zero_byte}, {});
}

namespace {

Runs run(Number start, Number end) {
  Runs runs;
  runs.add(start, end);
  return runs;
}

/// S23: every enabled bitmap of the node, and of what a filter passes the request to.
Node& mark_dirty(State& state, Node& node, Number start, Number end) {
  for (Bitmap& bitmap : node.bitmaps) {
    if (!bitmap.enabled) continue;
    const Runs granules = units_of(run(start, end), bitmap.granularity);
    bitmap.bits.must.add(granules);
    bitmap.bits.may.add(granules);
  }
  return node.filter() ? mark_dirty(state, state.nodes.at(node.below), start, end) : node;
}

}  // namespace

namespace {

/// Puts it, perhaps.
void may_put(State& state, const Node& node, Number start, Number end, const Bytes& value) {
  Image& image = state.files.at(node.file);
  const Extents before = image.data;
  put(state, node, start, end, value);
  const Number first = start / image.cluster * image.cluster;
  const Number last = (end - 1) / image.cluster * image.cluster + image.cluster;
  walk(before, first, last,
       [&image](Number from, const Extent& old) { blend(image.data, from, old.end, old, {}); });
}

/// M41: what is in flight there came before this, which is done by units, or comes after it.
void cross(State& state, const Node& node, Number start, Number end, Number unit) {
  for (Request& other : state.in_flight) {
    const Number from = std::max(start, other.start), to = std::min(end, other.end);
    if (other.node != node.id || from >= to) continue;
    other.crossed.add(from / unit * unit, (to + unit - 1) / unit * unit);
    may_put(state, node, from, to, other.value);
  }
}

}  // namespace

void write(State& state, Node& node, Number start, Number end, const Bytes& value) {
  if (start == end) return;
  const Node& target = mark_dirty(state, node, start, end);
  put(state, target, start, end, value);
  cross(state, target, start, end, 1);
  note_guest_write(state, target, start, end);
}

/// M41: what it would change is perhaps changed.
void start_write(State& state, Node& node, Number start, Number end, const Bytes& value) {
  if (start == end) return;
  if (holds_guests(state, node))
    return state.in_flight.push_back({node.id, start, end, value, {}, true});
  if (node.filter()) start_write(state, state.nodes.at(node.below), start, end, value);
  state.in_flight.push_back({node.id, start, end, value});
  for (Bitmap& bitmap : node.bitmaps) {
    if (bitmap.enabled) bitmap.bits.may.add(units_of(run(start, end), bitmap.granularity));
  }
  if (node.filter()) return;
  may_put(state, node, start, end, value);
  note_guest_write(state, node, start, end);
}

namespace {

/// Where it met others on the same bytes, any of them came last.
void finish(State& state, const Request& request, const std::vector<Request>& earlier) {
  Node& node = state.nodes.at(request.node);
  for (Bitmap& bitmap : node.bitmaps) {
    Runs seen = run(request.start, request.end);
    seen.remove(bitmap.unsure);
    if (bitmap.enabled) bitmap.bits.must.add(units_of(seen, bitmap.granularity));
  }
  if (node.filter()) return;
  Image& image = state.files.at(node.file);
  const Extents before = image.data;
  put(state, node, request.start, request.end, request.value);
  for (const auto& [start, end] : request.crossed) {
    walk(before, start, end,
         [&image](Number from, const Extent& old) { blend(image.data, from, old.end, old, {}); });
  }
  for (const Request& other : earlier) {
    const Number from = std::max(request.start, other.start);
    const Number to = std::min(request.end, other.end);
    if (other.node == node.id && from < to) blend(image.data, from, to, {0, other.value}, {});
  }
}

template <class IsDrained>
void drain_where(State& state, const IsDrained& is_drained) {
  const auto ends = [&](const Request& request) {
    return !request.held && is_drained(state.nodes.at(request.node));
  };
  std::vector<Request> finished;
  for (const Request& request : state.in_flight) {
    if (!ends(request)) continue;
    finish(state, request, finished);
    finished.push_back(request);
  }
  std::erase_if(state.in_flight, ends);
}

}  // namespace

void drain(State& state, const Node& node) {
  drain_where(state, [&state, &node](Node& busy) {
    return std::ranges::count(chain_of(state, busy), &node) > 0;
  });
}

void let_go(State& state, int filter, int root) {
  const auto is_there = [filter](const Request& request) {
    return request.held && request.node == filter;
  };
  std::vector<Request> held;
  std::ranges::copy_if(state.in_flight, std::back_inserter(held), is_there);
  std::erase_if(state.in_flight, is_there);
  for (const Request& each : held)
    start_write(state, state.nodes.at(root), each.start, each.end, each.value);
}

void finish_requests(State& state) {
  wake_commits(state);
  drain_where(state, [](const Node&) { return true; });
}

Runs in_flight(const State& state, const Node& node) {
  Runs runs;
  for (const Request& request : state.in_flight) {
    if (request.node == node.id) runs.add(request.start, request.end);
  }
  return runs;
}

namespace {

/// M31: what is perhaps allocated perhaps becomes zeros, the rest stays as it is; of version 2
/// nothing is left.
void free_clusters(Image& image, Number first, Number last) {
  remember(image, first, last);
  const Extents before = image.data;
  erase(image.data, first, last);
  if (image.version < 3) return;
  walk(before, first, last, [&image](Number from, const Extent& old) {
    const Extent zeros{old.end, zero_byte, old.through};
    if (!old.through || old.own.any()) image.data.emplace(from, zeros);
  });
}

}  // namespace

/// S24, S110, M31: whole clusters only; a job's filter drops it.
void discard(State& state, Node& node, Number start, Number end) {
  if (!node.unmap || node.filter() || start == end) return;
  mark_dirty(state, node, start, end);
  Image& image = state.files.at(node.file);
  const Number first = (start + image.cluster - 1) / image.cluster * image.cluster;
  const Number after = end == image.size ? end + image.cluster - 1 : end;
  const Number last = after / image.cluster * image.cluster;
  const bool has_backing = node.below != 0;
  if (first < last && (image.version > 2 || !has_backing)) {
    if (has_backing || image.format == "raw") {
      put(state, node, first, last, zero_byte);
    } else {
      free_clusters(image, first, last);
    }
    cross(state, node, first, last, image.cluster);
  }
  note_guest_write(state, node, start, end);
}

nlohmann::json contents(const State& state, const std::string& name) {
  const Node* node = find_node(state, name);
  if (!node) return error_reply(no_node(name));
  nlohmann::json runs = nlohmann::json::array();
  for (const Piece& piece : look(state, *node, 0, state.files.at(node->file).size)) {
    nlohmann::json values = nlohmann::json::array();
    for (std::size_t value = 0; value < 256; ++value) {
      if (piece.bytes.test(value)) values.push_back(value);
    }
    runs.push_back({piece.start, piece.end - piece.start, values});
  }
  return runs;
}

}  // namespace model
