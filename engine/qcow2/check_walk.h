// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>

#include "engine/qcow2/bitmap_directory.h"
#include "engine/qcow2/check.h"
#include "engine/qcow2/check_counts.h"
#include "engine/qcow2/header.h"
#include "engine/qcow2/l2_entry.h"
#include "engine/qcow2/snapshot_table.h"

namespace engine::qcow2 {

/// Of the L1, L2 and refcount tables.
constexpr std::uint64_t entry_bytes = sizeof(std::uint64_t);

/// One walk over an image's metadata: counts references, then judges what it has counted. The steps
/// are called in the order of their declaration. What several tables refer to is walked once, and
/// counts as often as they refer to it, as does all that is wrong with it.
class CheckWalk {
 public:
  CheckWalk(io::Storage& file, const Header& header, CheckReport& report);

  /// Throws Refusal for a snapshot table that cannot be read, and for a file of too many clusters.
  io::Task<void> read_snapshots();
  /// References by the header, the snapshot table and the L1 and L2 tables of disk and snapshots.
  io::Task<void> count_mappings();
  io::Task<void> count_bitmaps();
  /// References by and to the refcount table and its blocks.
  io::Task<void> count_refcounts();
  /// Compares all references with the refcounts.
  io::Task<void> compare_refcounts();
  /// COPIED has to be set exactly where the refcount is 1.
  io::Task<void> check_copied_flags();
  /// What has been counted so far.
  const ReferenceCounts& counts() const { return counts_; }

 private:
  /// A table of big-endian numbers in the file.
  struct Table {
    HostOffset place;
    std::uint64_t entries;
    friend auto operator<=>(const Table&, const Table&) = default;
  };
  /// An entry of a table that is not zero.
  struct Filled {
    std::uint64_t index;
    std::uint64_t raw;
  };
  /// How much of a table one read brings: 64 KiB.
  static constexpr std::uint64_t slice_entries = 65536 / sizeof(std::uint64_t);
  struct Uses {
    std::uint64_t by_all = 0;
    std::uint64_t by_disk = 0;
  };

  // check_walk.cpp
  io::Task<std::vector<std::byte>> read(HostOffset offset, std::uint64_t size);
  /// What is not zero among the entries first to first + slice_entries of a table.
  io::Task<std::vector<Filled>> read_slice(const Table& table, std::uint64_t first);
  /// The part of a table that lies in the file: the rest is zeros.
  Table within_file(Table table) const;
  Table l2_table(HostOffset place) const;
  /// Counts references to all clusters that [offset, offset+size) touches.
  void refer(HostOffset offset, std::uint64_t size, std::uint64_t references);
  void refer(const Table& table, std::uint64_t references) {
    refer(table.place, table.entries * entry_bytes, references);
  }
  bool aligned(HostOffset offset) const { return geometry_.in_cluster(offset.value) == 0; }
  bool beyond_end(HostOffset offset, std::uint64_t size) const;
  io::Task<void> count_bitmap(const BitmapDirectoryEntry& entry);

  // check_mappings.cpp
  io::Task<SnapshotTable> read_snapshot_table_or_tell();
  std::map<Table, Uses> collect_l1_tables();
  std::optional<std::string> fault_of(const Snapshot& snapshot) const;
  io::Task<void> count_l1(const Table& whole, Uses uses);
  io::Task<void> count_l2(HostOffset place, Uses uses);
  void count_data(TableEntry entry, Uses uses);
  void count_compressed(TableEntry entry, Uses uses);
  void note_allocated(TableEntry entry, std::uint64_t times);
  io::Task<void> check_copied_in(HostOffset place, std::uint64_t times);

  // check_refcounts.cpp
  /// Requires that the entry is not zero.
  void count_refcount_block(std::uint64_t index, std::uint64_t entry);
  bool readable(HostOffset block) const;
  io::Task<void> compare_block(std::uint64_t index, HostOffset place);
  void compare_without_block(HostCluster first, HostCluster end);
  void compare(HostCluster cluster, std::uint64_t refcount, std::uint64_t references);
  /// The image's own refcount of a cluster; none if it cannot be read.
  io::Task<std::optional<std::uint64_t>> refcount_of(HostOffset place);
  io::Task<std::optional<std::uint64_t>> read_refcount(HostCluster cluster);

  io::Storage& file_;
  const Header& header_;
  CheckReport& report_;
  Geometry geometry_;
  ByteCount file_size_;
  /// All that a refcount is wanted for: those of the file, and what refers a little past its end.
  HostCluster clusters_end_;
  Table active_l1_;
  Table refcount_table_;
  SnapshotTable snapshots_;
  ReferenceCounts counts_;
  std::map<HostOffset, Uses> l2_tables_;
  std::optional<HostOffset> next_contiguous_;
  /// Places of refcount blocks that have to do with the file, by index.
  std::map<std::uint64_t, HostOffset> blocks_;
};

/// printf's %x.
std::string plain_hex(std::uint64_t value);

}  // namespace engine::qcow2
