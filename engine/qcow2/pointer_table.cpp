// SPDX-License-Identifier: MIT
#include "engine/qcow2/pointer_table.h"

#include <algorithm>
#include <cerrno>

#include "engine/error.h"
#include "engine/qcow2/bytes.h"
#include "engine/qcow2/header_limits.h"

namespace engine::qcow2 {

namespace {

std::vector<std::byte> encode(std::span<const std::uint64_t> entries) {
  std::vector<std::byte> bytes(entries.size() * 8);
  std::byte* at = bytes.data();
  for (const std::uint64_t entry : entries) {
    store_big<std::uint64_t>(at, entry);
    at += 8;
  }
  return bytes;
}

}  // namespace

io::Task<void> PointerTable::load(HostOffset place, std::uint64_t entries) {
  const ByteCount length{entries * 8};
  if (!can_be_read(place, length)) throw IoError(EIO);
  const std::uint64_t filled = (file_.before_hole(place, length).value + 7) / 8;
  TableEntries table(std::min(entries, std::max(filled, entries_per_sector)));
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(table));
  if (entries != 0) co_await file_.read(place, bytes);
  numbers_from_big(table);
  filled_ = std::move(table);
  size_ = entries;
  place_ = place;
  dirty_sectors_.clear();
}

std::uint64_t PointerTable::end_of_sector(std::uint64_t index) const {
  return std::min(size_, (index / entries_per_sector + 1) * entries_per_sector);
}

void PointerTable::set(std::uint64_t index, std::uint64_t entry) {
  INVARIANT(index < size_);
  if (index >= filled_.size()) filled_.resize(end_of_sector(index), 0);
  filled_[index] = entry;
  dirty_sectors_.insert(index / entries_per_sector);
}

io::Task<void> PointerTable::write_copy(HostOffset place, const TableEntries& entries) {
  const std::vector<std::byte> bytes = encode(entries);
  const std::span<const std::byte> data(bytes);
  co_await file_.write(place, data);
}

void PointerTable::move_to(HostOffset place, TableEntries entries) {
  place_ = place;
  filled_ = std::move(entries);
  size_ = filled_.size();
  dirty_sectors_.clear();
}

io::Task<void> PointerTable::write_back() {
  while (!dirty_sectors_.empty()) {
    const std::uint64_t first = *dirty_sectors_.begin();
    std::uint64_t end = first;
    while (dirty_sectors_.contains(end)) ++end;
    const std::uint64_t entry = first * entries_per_sector;
    const std::uint64_t end_entry = end_of_sector(end * entries_per_sector - 1);
    if (end_entry > filled_.size()) filled_.resize(end_entry, 0);
    const std::vector<std::byte> bytes =
        encode(std::span(filled_).subspan(entry, end_entry - entry));
    const std::span<const std::byte> data(bytes);
    const HostOffset at = place_ + ByteCount{entry * 8};
    co_await file_.write(at, data);
    dirty_sectors_.erase(dirty_sectors_.find(first), dirty_sectors_.lower_bound(end));
  }
}

}  // namespace engine::qcow2
