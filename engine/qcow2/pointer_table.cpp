// SPDX-License-Identifier: MIT
#include "engine/qcow2/pointer_table.h"

#include <algorithm>

#include "engine/qcow2/bytes.h"

namespace engine::qcow2 {

io::Task<void> PointerTable::load(HostOffset place, std::uint64_t entries) {
  std::vector<std::byte> bytes(entries * 8);
  const std::span<std::byte> buffer(bytes);
  if (entries != 0) co_await file_.read(place, buffer);
  entries_.resize(entries);
  for (std::uint64_t i = 0; i < entries; ++i)
    entries_[i] = load_big<std::uint64_t>(bytes.data() + i * 8);
  place_ = place;
  dirty_sectors_.clear();
}

void PointerTable::set(std::uint64_t index, std::uint64_t entry) {
  INVARIANT(index < entries_.size());
  entries_[index] = entry;
  dirty_sectors_.insert(index / entries_per_sector);
}

std::vector<std::byte> PointerTable::encode(std::uint64_t first, std::uint64_t count) const {
  std::vector<std::byte> bytes(count * 8);
  const std::uint64_t there = first < size() ? std::min(count, size() - first) : 0;
  for (std::uint64_t i = 0; i < there; ++i)
    store_big<std::uint64_t>(bytes.data() + i * 8, entries_[first + i]);
  return bytes;
}

io::Task<void> PointerTable::write_copy(HostOffset place, std::uint64_t entries) {
  const std::vector<std::byte> bytes = encode(0, entries);
  const std::span<const std::byte> data(bytes);
  co_await file_.write(place, data);
}

void PointerTable::move_to(HostOffset place, std::uint64_t entries) {
  place_ = place;
  entries_.resize(entries);
  dirty_sectors_.clear();
}

io::Task<void> PointerTable::write_back() {
  while (!dirty_sectors_.empty()) {
    const std::uint64_t first = *dirty_sectors_.begin();
    std::uint64_t end = first;
    while (dirty_sectors_.contains(end)) ++end;
    const std::uint64_t entry = first * entries_per_sector;
    const std::uint64_t count = std::min((end - first) * entries_per_sector, size() - entry);
    const std::vector<std::byte> bytes = encode(entry, count);
    const std::span<const std::byte> data(bytes);
    const HostOffset at = place_ + ByteCount{entry * 8};
    co_await file_.write(at, data);
    dirty_sectors_.erase(dirty_sectors_.find(first), dirty_sectors_.lower_bound(end));
  }
}

}  // namespace engine::qcow2
