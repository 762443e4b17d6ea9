// SPDX-License-Identifier: MIT
#include "engine/qcow2/table_cache.h"

#include <algorithm>
#include <cstring>

namespace engine::qcow2 {

namespace {

/// Enough for the deepest chain of slices that one step looks at.
constexpr std::size_t least_slots = 4;

ByteSpan whole_sectors(ByteSpan bytes) {
  return {bytes.first / sector_size * sector_size, round_up(bytes.end, sector_size)};
}

}  // namespace

TableCache::TableCache(io::Storage& file, WriteOrder& order, ByteCount slice_size, ByteCount memory)
    : file_(file),
      order_(order),
      slice_size_(slice_size),
      capacity_(std::max<std::size_t>(least_slots, memory.value / slice_size.value)) {}

io::Task<std::byte*> TableCache::load(HostOffset slice) {
  if (std::byte* bytes = find(slice)) return io::Task<std::byte*>::ready(bytes);
  return load_missing(slice);
}

io::Task<std::byte*> TableCache::load_missing(HostOffset slice) {
  const std::size_t number = co_await take_slot();
  std::byte* bytes = slots_[number].bytes.get();
  // Until the bytes are there the slot belongs to nobody; a failed read gives it back.
  free_slots_.push_back(number);
  const std::span<std::byte> buffer(bytes, slice_size_.value);
  co_await file_.read(slice, buffer);
  free_slots_.pop_back();
  enter(number, slice);
  co_return bytes;
}

io::Task<std::byte*> TableCache::create(HostOffset slice) {
  forget(slice, slice_size_);
  const std::size_t number = co_await take_slot();
  enter(number, slice);
  std::byte* bytes = slots_[number].bytes.get();
  std::memset(bytes, 0, slice_size_.value);
  mark_dirty(slice, {0, slice_size_.value});
  co_return bytes;
}

void TableCache::mark_dirty(HostOffset slice, ByteSpan changed) {
  const auto found = index_.find(slice.value);
  INVARIANT(found != index_.end());
  Slot& slot = slots_[found->second];
  if (slot.dirty()) {
    slot.changed.first = std::min(slot.changed.first, changed.first);
    slot.changed.end = std::max(slot.changed.end, changed.end);
  } else {
    dirty_slots_.push_back(found->second);
    slot.changed = changed;
  }
}

void TableCache::forget(HostOffset start, ByteCount length) {
  for (HostOffset at = start; at < start + length; at += slice_size_) {
    const auto found = index_.find(at.value);
    if (found == index_.end()) continue;
    const std::size_t number = found->second;
    if (slots_[number].dirty()) std::erase(dirty_slots_, number);
    drop(slots_[number]);
    free_slots_.push_back(number);
  }
}

io::Task<void> TableCache::write_back() {
  std::sort(dirty_slots_.begin(), dirty_slots_.end(),
            [this](std::size_t a, std::size_t b) { return slots_[a].slice > slots_[b].slice; });
  while (!dirty_slots_.empty()) {
    Slot& slot = slots_[dirty_slots_.back()];
    const ByteSpan sectors = whole_sectors(slot.changed);
    const std::span<const std::byte> bytes(slot.bytes.get() + sectors.first,
                                           sectors.end - sectors.first);
    co_await file_.write(slot.slice + ByteCount{sectors.first}, bytes);
    slot.changed = {};
    dirty_slots_.pop_back();
  }
}

io::Task<std::size_t> TableCache::take_slot() {
  if (free_slots_.empty() && slots_.size() < capacity_) {
    Slot slot;
    slot.bytes = std::make_unique_for_overwrite<std::byte[]>(slice_size_.value);
    slots_.push_back(std::move(slot));
    co_return slots_.size() - 1;
  }
  if (!free_slots_.empty()) {
    const std::size_t number = free_slots_.back();
    free_slots_.pop_back();
    co_return number;
  }
  std::size_t victim = pick_victim();
  if (victim == capacity_) {
    co_await order_.write_back(*this);
    victim = pick_victim();
  }
  INVARIANT(victim < capacity_);
  drop(slots_[victim]);
  co_return victim;
}

std::size_t TableCache::pick_victim() {
  // Few unchanged slots would make the search long: then it is time to write.
  if (4 * dirty_slots_.size() >= 3 * capacity_) return capacity_;
  // Two rounds at most: the first takes the marks of use away, and some slots are unchanged.
  for (;;) {
    const std::size_t number = hand_;
    hand_ = (hand_ + 1) % capacity_;
    Slot& slot = slots_[number];
    if (slot.dirty()) continue;
    if (!slot.used) return number;
    slot.used = false;
  }
}

void TableCache::drop(Slot& slot) {
  INVARIANT(slot.valid);
  index_.erase(slot.slice.value);
  slot.valid = slot.used = false;
  slot.changed = {};
  ++generation_;
}

void TableCache::enter(std::size_t number, HostOffset slice) {
  Slot& slot = slots_[number];
  slot.slice = slice;
  slot.valid = slot.used = true;
  index_[slice.value] = number;
}

}  // namespace engine::qcow2
