// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

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

/// M69
void repair(State& state, const Node& node) {
  Image& image = state.files.at(node.file);
  if (image.dirty) require_sound(state, node.file);
  if (std::exchange(image.dirty, false)) image.wrong = image.leaks = 0;
}

/// M68
void clear_strange(State& state, const Node& node) {
  Image& image = state.files.at(node.file);
  if (!image.strange) return;
  const std::string failure = surely_fails(state, node.file, "write");
  if (!failure.empty()) throw Refused{"Could not update qcow2 header: " + failure};
  require_sound(state, node.file);
  image.strange = false;
}

/// M54: the directory says in use, or nothing has changed.
void mark_in_use(State& state, const Node& node) {
  Image& image = state.files.at(node.file);
  ++image.openings.times;
  repair(state, node);
  const auto valid = [](const StoredBitmap& stored) { return !stored.in_use; };
  if (std::ranges::none_of(image.directory, valid)) return clear_strange(state, node);
  const std::string failure = surely_fails(state, node.file, "write");
  if (!failure.empty()) throw Refused{"Can't update bitmap directory: " + failure};
  require_sound(state, node.file);
  for (StoredBitmap& stored : image.directory) stored.in_use = true;
  image.strange = false;
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
    node.bitmaps.insert(node.bitmaps.begin(), std::move(bitmap));
  }
  if (!node.read_only) mark_in_use(state, node);
}

namespace {

/// The error of all writes to the node's file; empty if some may succeed.
std::string write_failure(const State& state, const Node& node) {
  const auto fault = state.faults.find({node.file, "write"});
  const bool all = fault != state.faults.end() && fault->second.certain && !fault->second.once;
  return all ? fault->second.error : "";
}

/// Entries that there are come first, in their order (S12).
std::string first_to_store(const State& state, const Node& node) {
  for (const StoredBitmap& stored : state.files.at(node.file).directory) {
    for (const Bitmap& bitmap : node.bitmaps) {
      if (bitmap.name == stored.name && to_be_stored(bitmap)) return bitmap.name;
    }
  }
  return std::ranges::find_if(node.bitmaps, to_be_stored)->name;
}

/// M54: nothing can be written, or not flushed before the header names it; the old stays (S47).
std::string store_failure(State& state, const Node& node) {
  const std::string failure = write_failure(state, node);
  if (!failure.empty())
    return "Failed to write bitmap '" + first_to_store(state, node) + "' to file: " + failure;
  if (state.files.at(node.file).directory.empty()) {
    const std::string error = surely_fails(state, node.file, "flush");
    if (!error.empty()) return "Failed to update bitmap extension: " + error;
  }
  require_sound(state, node.file);
  return "";
}

}  // namespace

/// S12, S45, S46; one bitmap that cannot be stored fails the whole store (S47, B56, M37, M60).
std::string store_bitmaps(State& state, const Node& node) {
  Image& image = state.files.at(node.file);
  if (std::ranges::none_of(node.bitmaps, to_be_stored)) return "";
  if (node.read_only) return "No write access";
  if (image.size == 0) return "No memory";
  const auto outgrown = std::ranges::find_if(node.bitmaps, [&image](const Bitmap& bitmap) {
    return to_be_stored(bitmap) && too_large_to_store(image.size, bitmap.granularity);
  });
  if (outgrown != node.bitmaps.end()) {
    return "Bitmap '" + outgrown->name +
           "' doesn't satisfy the constraints: Too much space will be occupied by the bitmap. Use "
           "larger granularity";
  }
  if (image.directory.empty() && !fits_header(image, image.backing, true))
    return "Failed to update bitmap extension: No space left on device";
  const std::string failure = store_failure(state, node);
  if (!failure.empty()) return failure;
  for (const Bitmap& bitmap : node.bitmaps) {
    if (!to_be_stored(bitmap)) continue;
    StoredBitmap* stored = find_stored(image, bitmap.name);
    if (!stored) stored = &image.directory.emplace_back();
    *stored = {bitmap.name, bitmap.granularity, bitmap.bits, false, bitmap.enabled};
  }
  return "";
}

void remove_stored(State& state, const Node& node, const std::string& name) {
  Image& image = state.files.at(node.file);
  if (!find_stored(image, name)) return;
  const std::string failure = write_failure(state, node);
  if (!failure.empty()) throw Refused{"Failed to update bitmap extension: " + failure};
  require_sound(state, node.file);
  std::erase_if(image.directory, [&](const StoredBitmap& each) { return each.name == name; });
}

bool has_read_only_bitmap(const Node& node) {
  return std::ranges::any_of(node.bitmaps, &Bitmap::read_only);
}

/// S50: stored, kept in memory, frozen; everything is flushed. What cannot be stored forbids it.
/// Past a bitmap that is RO nothing was written (M64).
void turn_read_only(State& state, Node& node) {
  if (node.read_only) return;
  if (!has_read_only_bitmap(node)) require_sound(state, node.file);
  if (!store_bitmaps(state, node).empty()) return;
  node.read_only = true;
  state.files.at(node.file).unsynced.clear();
  for (Bitmap& bitmap : node.bitmaps) bitmap.read_only = bitmap.persistent;
}

/// S50; what cannot be marked in use stays RO, and is tried again when a commit goes on (M64).
void turn_writable(State& state, Node& node) {
  if (!node.read_only && !has_read_only_bitmap(node)) return;
  Image& image = state.files.at(node.file);
  repair(state, node);
  if (std::exchange(node.read_only, false)) ++image.openings.times;
  std::vector<StoredBitmap*> marked;
  for (const Bitmap& bitmap : node.bitmaps) {
    StoredBitmap* stored = find_stored(image, bitmap.name);
    if (stored && bitmap.persistent) marked.push_back(stored);
  }
  if (!marked.empty() && !surely_fails(state, node.file, "write").empty()) return;
  if (!marked.empty()) require_sound(state, node.file);
  for (StoredBitmap* stored : marked) stored->in_use = true;
  for (Bitmap& bitmap : node.bitmaps) bitmap.read_only = false;
}

}  // namespace model
