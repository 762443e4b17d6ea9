// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "engine/qcow2/bytes.h"
#include "engine/qcow2/write_order.h"

namespace engine::qcow2 {

/// A table of 64-bit entries that is in memory as a whole: the L1 table, the refcount table.
/// Changed entries are written by sectors of 512 bytes.
class PointerTable final : public WriteBack {
 public:
  explicit PointerTable(io::Storage& file) : file_(file) {}

  /// Reads the table. The caller has checked its size and place.
  io::Task<void> load(HostOffset place, std::uint64_t entries);
  HostOffset place() const { return place_; }
  std::uint64_t size() const { return entries_.size(); }
  ByteCount bytes() const { return {entries_.size() * 8}; }
  std::uint64_t operator[](std::uint64_t index) const { return entries_[index]; }
  void set(std::uint64_t index, std::uint64_t entry);
  /// Writes these entries, as a table of their own, to another place.
  io::Task<void> write_copy(HostOffset place, const TableEntries& entries);
  /// The copy is the table from now on; nothing of it is dirty.
  void move_to(HostOffset place, TableEntries entries);
  const TableEntries& entries() const { return entries_; }

  bool dirty() const override { return !dirty_sectors_.empty(); }
  io::Task<void> write_back() override;

 private:
  static constexpr std::uint64_t entries_per_sector = 64;

  io::Storage& file_;
  HostOffset place_;
  TableEntries entries_;
  std::set<std::uint64_t> dirty_sectors_;
};

}  // namespace engine::qcow2
