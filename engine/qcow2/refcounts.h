// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "engine/qcow2/free_runs.h"
#include "engine/qcow2/geometry.h"
#include "engine/qcow2/header_file.h"
#include "engine/qcow2/in_flight.h"
#include "engine/qcow2/metadata_map.h"
#include "engine/qcow2/pointer_table.h"
#include "engine/qcow2/refcount_codec.h"
#include "engine/qcow2/table_cache.h"

namespace engine::qcow2 {

/// Who uses which cluster of the file: the refcount table, the refcount blocks and, on top of them,
/// the allocation of clusters. Allocation does not look twice at what it has passed: it knows the
/// clusters that were freed, and goes upwards from a frontier otherwise.
///
/// All calls require the image's metadata mutex. What they change is in the cache and in the table
/// in memory; the write order brings it to the file.
class Refcounts {
 public:
  Refcounts(io::Storage& file, HeaderFile& header, const Geometry& geometry, ByteCount cache_memory,
            WriteOrder& order, MetadataMap& metadata, const InFlight& in_flight);

  /// Reads the refcount table that the header names.
  io::Task<void> load();
  TableCache& blocks() { return blocks_; }
  PointerTable& table() { return table_; }

  /// 0 where there is no refcount block. Throws Corruption.
  io::Task<std::uint64_t> get(HostCluster cluster);
  /// `least` to `most` contiguous free clusters, refcount 1 from now on. Throws IoError, EFBIG if
  /// the refcount table would become too large, and then nothing is allocated; throws Corruption
  /// if the refcounts call free what cannot be.
  io::Task<HostRun> allocate(std::uint64_t least, std::uint64_t most);
  /// Takes one from the refcount of each cluster; those that reach 0 are free at once. A cluster
  /// whose refcount is 0 already stays as it is.
  io::Task<void> release(HostRun run);

 private:
  /// The refcounts of neighbouring clusters: a slice of a block.
  struct Slice {
    std::byte* bytes = nullptr;  ///< null: there is no block
    HostOffset place;
    HostCluster first;
    HostCluster end;
  };
  struct NewBlock {
    std::uint64_t index;
    HostCluster cluster;
  };
  /// What has to be added so that every cluster of a run has a refcount.
  struct Growth {
    std::vector<NewBlock> blocks;
    HostRun table;  ///< where a longer table goes; count 0: the table is long enough
    std::uint64_t highest_index = 0;
  };

  /// Place of the block, 0 if there is none. Throws Corruption for an impossible place.
  HostOffset block_place(std::uint64_t block_index) const;
  io::Task<Slice> slice_of(HostCluster cluster);
  io::Task<HostRun> find_free(std::uint64_t least, std::uint64_t most);
  io::Task<HostRun> scan(std::uint64_t least, std::uint64_t most);
  io::Task<bool> is_free(HostCluster cluster);
  void refuse_impossible(HostRun run) const;
  std::uint64_t table_entries_in(std::uint64_t clusters) const;

  io::Task<void> use(HostRun run);
  bool has_blocks(HostRun run) const;
  /// Adds `change` (1 or -1) to the refcounts.
  io::Task<void> count_up(HostRun run);
  io::Task<void> count_down(HostRun run);
  void mark_dirty(const Slice& slice, HostCluster first, HostCluster end);

  // refcount_growth.cpp
  io::Task<void> grow_and_use(HostRun run);
  void note_metadata(const Growth& growth);
  io::Task<Growth> plan_growth(HostRun run);
  io::Task<Growth> try_plan(HostRun run, std::uint64_t table_clusters);
  io::Task<void> create_block(NewBlock block);
  static std::vector<HostRun> runs_of(HostRun run, const Growth& growth);
  io::Task<void> take_back(const Growth& growth, const std::vector<HostRun>& counted);
  io::Task<void> link(const Growth& growth);
  io::Task<void> move_table(const Growth& growth);

  io::Storage& file_;
  HeaderFile& header_;
  const Geometry& geometry_;
  WriteOrder& order_;
  MetadataMap& metadata_;
  const InFlight& in_flight_;
  RefcountCodec codec_;
  TableCache blocks_;
  PointerTable table_;
  FreeRuns free_runs_;
  HostCluster frontier_;
  /// Blocks that are being added: they have a place, but no entry in the table yet.
  std::map<std::uint64_t, HostOffset> unlinked_;
};

}  // namespace engine::qcow2
