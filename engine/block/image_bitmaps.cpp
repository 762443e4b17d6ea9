// SPDX-License-Identifier: MIT
#include "engine/block/image_bitmaps.h"

#include <algorithm>
#include <utility>

#include "engine/block/node.h"
#include "engine/error.h"

namespace engine::block {
namespace {

bool goes_into_image(const NodeBitmap& bitmap) {
  return bitmap.persistent() && !bitmap.inconsistent && !bitmap.readonly;
}

NodeBitmap in_memory(qcow2::StoredBitmap&& stored, ByteCount disk_size) {
  NodeBitmap bitmap{stored.name, stored.bits ? std::move(*stored.bits)
                                             : bitmap::DirtyBits(disk_size, stored.granularity)};
  bitmap.recording = stored.auto_record ? Recording::on : Recording::off;
  bitmap.lifetime = Lifetime::persistent;
  bitmap.readonly = true;
  bitmap.inconsistent = stored.in_use;
  return bitmap;
}

/// What a directory entry takes: its fixed part and the name, padded to eight bytes.
std::uint64_t directory_entry_size(const std::string& name) {
  constexpr std::uint64_t fixed_part = 24;
  return round_up(fixed_part + name.size(), 8);
}

}  // namespace

io::Task<void> ImageBitmaps::load() {
  std::vector<qcow2::StoredBitmap> stored = co_await store_.load();
  // Each goes in front of those before it: the order on disk comes out reversed (S12).
  for (qcow2::StoredBitmap& bitmap : stored) {
    directory_.push_back({bitmap.name, bitmap.granularity, bitmap.auto_record, bitmap.in_use});
    node_.add_bitmap(in_memory(std::move(bitmap), node_.length()));
  }
  if (!node_.read_only()) co_await take_into_use();
}

io::Task<void> ImageBitmaps::take_into_use() {
  std::vector<std::string> names;
  for (const Entry& entry : directory_) {
    if (!entry.in_use) names.push_back(entry.name);
  }
  if (!names.empty()) co_await store_.mark_in_use(names);
  co_await image_.clear_unknown();
  for (Entry& entry : directory_) entry.in_use = true;
  for (const auto& bitmap : node_.bitmaps()) bitmap->readonly = false;
}

io::Task<void> ImageBitmaps::store() {
  std::vector<qcow2::BitmapToStore> to_store;
  for (const auto& bitmap : node_.bitmaps()) {
    if (!goes_into_image(*bitmap)) continue;
    to_store.push_back({bitmap->name, bitmap->recording == Recording::on, &bitmap->bits});
  }
  co_await store_.store(to_store);
  for (const auto& bitmap : node_.bitmaps()) {
    if (goes_into_image(*bitmap)) note_stored(*bitmap);
  }
}

void ImageBitmaps::note_stored(const NodeBitmap& bitmap) {
  const auto found = std::ranges::find(directory_, bitmap.name, &Entry::name);
  Entry entry{bitmap.name, bitmap.bits.granularity(), bitmap.recording == Recording::on, false};
  if (found != directory_.end()) {
    *found = std::move(entry);
  } else {
    directory_.push_back(std::move(entry));
  }
}

void ImageBitmaps::freeze() {
  for (const auto& bitmap : node_.bitmaps()) {
    if (bitmap->persistent()) bitmap->readonly = true;
  }
}

bool ImageBitmaps::has_unstorable() const {
  return node_.read_only() && std::ranges::any_of(node_.bitmaps(), [](const auto& bitmap) {
           return goes_into_image(*bitmap);
         });
}

io::Task<void> ImageBitmaps::remove(const std::string& name) {
  if (find(name) == nullptr) co_return;
  co_await store_.remove(name);
  std::erase_if(directory_, [&](const Entry& entry) { return entry.name == name; });
}

void ImageBitmaps::check_can_add(const std::string& name, bitmap::Granularity granularity) const {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  for (const auto& bitmap : node_.bitmaps()) {
    if (!bitmap->persistent()) continue;
    ++count;
    bytes += directory_entry_size(bitmap->name);
  }
  store_.check_can_add(name, granularity, count, bytes);
}

io::Task<void> ImageBitmaps::check_can_resize() {
  const std::vector<std::string> names = co_await store_.read_names();
  for (const std::string& name : names) {
    const NodeBitmap* bitmap = node_.find_bitmap(name);
    if (bitmap == nullptr) {
      throw Refusal("Cannot resize qcow2 with persistent bitmaps that were not loaded into memory");
    }
    require_may_modify(*bitmap);
  }
}

const ImageBitmaps::Entry* ImageBitmaps::find(const std::string& name) const {
  const auto found = std::ranges::find(directory_, name, &Entry::name);
  return found != directory_.end() ? &*found : nullptr;
}

}  // namespace engine::block
