// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>

#include "engine/qcow2/check.h"
#include "engine/qcow2/check_counts.h"
#include "engine/qcow2/header.h"
#include "engine/qcow2/l2_entry.h"

namespace engine::qcow2 {

/// Of the L1, L2 and refcount tables.
constexpr std::uint64_t entry_bytes = sizeof(std::uint64_t);

/// One walk over an image's metadata: counts references, then judges what it has counted. The steps
/// are called in the order of their declaration.
class CheckWalk {
 public:
  CheckWalk(io::Storage& file, const Header& header, CheckReport& report);

  /// References by the header, the snapshot table and the L1 and L2 tables of disk and snapshots.
  io::Task<void> count_mappings();
  io::Task<void> count_bitmaps();
  /// References by and to the refcount table and its blocks.
  io::Task<void> count_refcounts();
  /// Compares all references with the refcounts.
  io::Task<void> compare_refcounts();
  /// COPIED has to be set exactly where the refcount is 1.
  io::Task<void> check_copied_flags();

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
  struct L2Use {
    std::uint64_t references = 0;
    bool counted = false;
  };

  /// What lies beyond all files reads as what lies beyond this one's end.
  io::Task<void> read_into(HostOffset offset, std::span<std::byte> buffer);
  io::Task<std::vector<std::byte>> read(HostOffset offset, std::uint64_t size);
  /// What is not zero among the entries first to first + slice_entries of a table.
  io::Task<std::vector<Filled>> read_slice(const Table& table, std::uint64_t first);

  /// Counts references to all clusters that [offset, offset+size) touches.
  void refer(HostOffset offset, std::uint64_t size, std::uint64_t references);
  bool aligned(HostOffset offset) const { return geometry_.in_cluster(offset.value) == 0; }
  bool beyond_end(HostOffset offset, std::uint64_t size) const;

  // check_mappings.cpp
  io::Task<std::map<Table, std::uint64_t>> collect_l1_tables();
  io::Task<void> count_l1(const Table& table, std::uint64_t references);
  io::Task<void> count_l2_tables_of(const Table& l1);
  io::Task<void> count_l2(HostOffset place, L2Use& use, bool active);
  void count_data(TableEntry entry, std::uint64_t references, bool active);
  void count_compressed(TableEntry entry, std::uint64_t references);
  void note_contiguous(HostOffset place);
  io::Task<void> check_copied_in(HostOffset l2_table);

  // check_walk.cpp
  /// Requires that the entry is not zero.
  void count_refcount_block(std::uint64_t index, std::uint64_t entry);
  io::Task<void> compare_block(std::uint64_t index, HostOffset place);
  void compare(HostCluster cluster, std::uint64_t refcount, std::uint64_t references);

  io::Storage& file_;
  const Header& header_;
  CheckReport& report_;
  Geometry geometry_;
  Table active_l1_;
  ReferenceCounts counts_;
  std::map<std::uint64_t, L2Use> l2_tables_;
  std::optional<HostOffset> next_contiguous_;
  /// Places of the refcount blocks that can be read, by index.
  std::map<std::uint64_t, HostOffset> blocks_;
};

}  // namespace engine::qcow2
