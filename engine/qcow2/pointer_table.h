// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "engine/qcow2/bytes.h"
#include "engine/qcow2/write_order.h"

namespace engine::qcow2 {

/// A table of 64-bit entries that is in memory up to its last one that is used: the L1 table, the
/// refcount table, which is mostly a hole where clusters are large.
/// Changed entries are written by sectors of 512 bytes.
class PointerTable final : public WriteBack {
 public:
  explicit PointerTable(io::Storage& file) : file_(file) {}

  /// Reads the table. The caller has checked its size and place.
  io::Task<void> load(HostOffset place, std::uint64_t entries);
  HostOffset place() const { return place_; }
  std::uint64_t size() const { return size_; }
  ByteCount bytes() const { return {size_ * 8}; }
  std::uint64_t operator[](std::uint64_t index) const {
    return index < filled_.size() ? filled_[index] : 0;
  }
  void set(std::uint64_t index, std::uint64_t entry);
  /// Writes these entries, as a table of their own, to another place.
  io::Task<void> write_copy(HostOffset place, const TableEntries& entries);
  /// The copy is the table from now on; nothing of it is dirty.
  void move_to(HostOffset place, TableEntries entries);
  /// The entries up to where only zeros are left.
  const TableEntries& filled() const { return filled_; }

  bool dirty() const override { return !dirty_sectors_.empty(); }
  io::Task<void> write_back() override;

 private:
  static constexpr std::uint64_t entries_per_sector = 64;

  /// Where the sector ends that holds an entry, or the table.
  std::uint64_t end_of_sector(std::uint64_t index) const;

  io::Storage& file_;
  HostOffset place_;
  TableEntries filled_;
  std::uint64_t size_ = 0;
  std::set<std::uint64_t> dirty_sectors_;
};

}  // namespace engine::qcow2
