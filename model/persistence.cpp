// SPDX-License-Identifier: MIT
#include <algorithm>

#include "model/parts.h"

namespace model {

namespace {

StoredBitmap* find_stored(Image& image, const std::string& name) {
  for (StoredBitmap& stored : image.directory) {
    if (stored.name == name) return &stored;
  }
  return nullptr;
}

bool to_be_stored(const Bitmap& bitmap) {
  return bitmap.persistent && !bitmap.inconsistent && !bitmap.read_only;
}

}  // namespace

/// S48, S49: what was in use is inconsistent; the others are in use from now on, or read-only.
void load_bitmaps(State& state, Node& node) {
  if (node.driver != "qcow2") return;
  for (StoredBitmap& stored : state.files.at(node.file).directory) {
    Bitmap bitmap{.name = stored.name, .granularity = stored.granularity};
    bitmap.persistent = true;
    bitmap.read_only = node.read_only;
    bitmap.inconsistent = stored.in_use;
    bitmap.enabled = stored.enabled && !stored.in_use;
    if (!stored.in_use) bitmap.bits = stored.bits;
    if (!node.read_only) stored.in_use = true;
    node.bitmaps.insert(node.bitmaps.begin(), std::move(bitmap));
  }
}

/// S12, S45, S46; one bitmap that cannot be stored fails the whole store (S47, B56, M37).
std::string store_bitmaps(State& state, const Node& node) {
  Image& image = state.files.at(node.file);
  if (std::ranges::none_of(node.bitmaps, to_be_stored)) return "";
  if (node.read_only) return "No write access";
  if (image.size == 0) return "No memory";
  for (const Bitmap& bitmap : node.bitmaps) {
    if (!to_be_stored(bitmap)) continue;
    StoredBitmap* stored = find_stored(image, bitmap.name);
    if (!stored) stored = &image.directory.emplace_back();
    *stored = {bitmap.name, bitmap.granularity, bitmap.bits, false, bitmap.enabled};
  }
  return "";
}

/// S50: stored, kept in memory, frozen; everything is flushed. What cannot be stored forbids it.
void turn_read_only(State& state, Node& node) {
  if (node.read_only || !store_bitmaps(state, node).empty()) return;
  node.read_only = true;
  state.files.at(node.file).unsynced.clear();
  for (Bitmap& bitmap : node.bitmaps) bitmap.read_only = bitmap.persistent;
}

/// S50
void turn_writable(State& state, Node& node) {
  if (!node.read_only) return;
  node.read_only = false;
  for (Bitmap& bitmap : node.bitmaps) {
    bitmap.read_only = false;
    StoredBitmap* stored = find_stored(state.files.at(node.file), bitmap.name);
    if (stored && bitmap.persistent) stored->in_use = true;
  }
}

}  // namespace model
