// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>

#include "engine/qcow2/deferred_frees.h"
#include "engine/qcow2/l2_entry.h"
#include "engine/qcow2/refcounts.h"

namespace engine::qcow2 {

/// A stretch of guest clusters that are alike and, where they have a place, contiguous in the file.
struct MappedRun {
  ClusterKind kind = ClusterKind::unallocated;
  bool has_place = false;
  bool copied = false;
  HostOffset host;   ///< place of the first byte asked for, if has_place
  ByteCount length;  ///< from the first byte asked for
  TableEntry entry;  ///< of the first cluster
};

/// Where the guest's clusters lie: the L1 table and the L2 tables.
///
/// find_run and cached_slice may be called at any time; all else requires the metadata mutex.
class Mapping {
 public:
  Mapping(io::Storage& file, HeaderFile& header, const Geometry& geometry, ByteCount cache_memory,
          WriteOrder& order, MetadataMap& metadata, Refcounts& refcounts, DeferredFrees& frees);

  /// A slice of an L2 table, in the cache.
  struct Slice {
    std::byte* bytes = nullptr;  ///< null: there is no L2 table
    HostOffset place;
  };

  /// Reads the active L1 table; what is cached of the L2 tables is forgotten.
  io::Task<void> load();
  TableCache& l2() { return l2_; }
  PointerTable& l1() { return l1_; }

  /// The slice that holds the entry of `cluster`, if it is cached.
  const std::byte* cached_slice(GuestCluster cluster) {
    const std::uint64_t number = cluster.value >> geometry_.l2_slice_bits();
    if (number == last_number_ && l2_.generation() == last_generation_) return last_bytes_;
    return find_slice(cluster);
  }
  /// Whether `cluster` is known to have no L2 table.
  bool has_no_table(GuestCluster cluster) const {
    return !TableEntry{l1_[geometry_.l1_index(cluster)]}.has_place();
  }
  TableEntry entry(const std::byte* slice, GuestCluster cluster) const;

  /// The run at `at`, at most `most` bytes and not beyond its slice if there is one. `slice` is
  /// that of `at`; null where there is no L2 table. Throws Corruption.
  MappedRun run_at(const std::byte* slice, GuestOffset at, ByteCount most) const;

  /// The slice, read from the file if need be. Throws Corruption.
  io::Task<Slice> slice(GuestCluster cluster);
  /// The slice of a table that may be changed: makes a table where there is none, copies one that
  /// a snapshot shares.
  io::Task<Slice> own_slice(GuestCluster cluster);
  /// Changes an entry in an owned slice.
  void set_entry(const Slice& slice, GuestCluster cluster, TableEntry entry);

  /// Moves the L1 table to a new place where it has at least so many entries; durable on return.
  io::Task<void> grow_l1(std::uint64_t entries);
  /// Takes the L2 tables of entry `first` and later out of the L1 table; they are freed later.
  void drop_tables_from(std::uint64_t first);

 private:
  const std::byte* find_slice(GuestCluster cluster);
  GuestCluster end_without_tables(GuestCluster from, GuestCluster limit) const;
  HostOffset table_place(GuestCluster cluster) const;
  HostOffset slice_place(HostOffset table, GuestCluster cluster) const;
  void check_entry(TableEntry entry, GuestCluster cluster) const;
  io::Task<HostOffset> make_table();
  io::Task<void> clear_table(HostOffset place);
  io::Task<HostOffset> copy_table(HostOffset shared);
  void forget_last() { last_number_ = ~std::uint64_t{0}; }

  io::Storage& file_;
  HeaderFile& header_;
  const Geometry& geometry_;
  MetadataMap& metadata_;
  Refcounts& refcounts_;
  DeferredFrees& frees_;
  WriteOrder& order_;
  TableCache l2_;
  PointerTable l1_;
  // The slice that was asked for last.
  std::uint64_t last_number_ = ~std::uint64_t{0};
  std::uint64_t last_generation_ = 0;
  const std::byte* last_bytes_ = nullptr;
};

}  // namespace engine::qcow2
