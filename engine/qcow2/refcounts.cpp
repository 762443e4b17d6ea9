// SPDX-License-Identifier: MIT
#include "engine/qcow2/refcounts.h"

#include <algorithm>
#include <exception>

#include "engine/qcow2/bytes.h"
#include "engine/qcow2/corruption.h"

namespace engine::qcow2 {

namespace {

constexpr std::uint64_t entry_place_mask = ~std::uint64_t{0x1ff};
/// Places in a file that an L2 entry can name: bits 9 to 55.
constexpr std::uint64_t largest_place = (std::uint64_t{1} << 56) - 1;

}  // namespace

Refcounts::Refcounts(io::Storage& file, HeaderFile& header, const Geometry& geometry,
                     ByteCount cache_memory, WriteOrder& order, MetadataMap& metadata,
                     const InFlight& in_flight)
    : file_(file),
      header_(header),
      geometry_(geometry),
      order_(order),
      metadata_(metadata),
      in_flight_(in_flight),
      codec_(geometry.refcount_order()),
      blocks_(file, order, geometry.slice_size(), cache_memory),
      table_(file) {}

io::Task<void> Refcounts::load() {
  const Header& header = header_.header();
  const std::uint64_t clusters = header.refcount_table_clusters;
  co_await table_.load(header.refcount_table_offset, table_entries_in(clusters));
  metadata_.add(geometry_.run(header.refcount_table_offset, clusters));
  const TableEntries& entries = table_.filled();
  for (std::uint64_t i = 0; (i = next_filled(entries, i)) < entries.size(); ++i) {
    const HostOffset place{entries[i] & entry_place_mask};
    metadata_.add(geometry_.run(place, 1));
  }
}

std::uint64_t Refcounts::table_entries_in(std::uint64_t clusters) const {
  return clusters << (geometry_.cluster_bits() - 3);
}

HostOffset Refcounts::block_place(std::uint64_t block_index) const {
  const auto planned = unlinked_.find(block_index);
  if (planned != unlinked_.end()) return planned->second;
  if (block_index >= table_.size()) return {0};
  const HostOffset place{table_[block_index] & entry_place_mask};
  if (geometry_.in_cluster(place.value) != 0)
    throw Corruption("Refblock offset " + hex(place.value) +
                     " unaligned (reftable index: " + hex(block_index) + ")");
  if (place.value > largest_place) throw IoError(EFBIG);
  return place;
}

io::Task<Refcounts::Slice> Refcounts::slice_of(HostCluster cluster) {
  const std::uint64_t index = geometry_.block_index(cluster);
  const HostCluster block_first = geometry_.first_of_block(index);
  Slice slice{nullptr, block_place(index), block_first,
              block_first + geometry_.refcounts_per_block()};
  if (slice.place.value == 0) co_return slice;
  const unsigned shift = geometry_.slice_bits() + 3 - geometry_.refcount_order();
  const std::uint64_t number = geometry_.index_in_block(cluster) >> shift;
  slice.place += geometry_.slice_size() * number;
  slice.first = block_first + (number << shift);
  slice.end = slice.first + (std::uint64_t{1} << shift);
  slice.bytes = co_await blocks_.load(slice.place);
  co_return slice;
}

io::Task<std::uint64_t> Refcounts::get(HostCluster cluster) {
  const Slice slice = co_await slice_of(cluster);
  if (slice.bytes == nullptr) co_return std::uint64_t{0};
  co_return codec_.get(slice.bytes, cluster.value - slice.first.value);
}

io::Task<bool> Refcounts::is_free(HostCluster cluster) {
  const std::uint64_t count = co_await get(cluster);
  co_return count == 0;
}

io::Task<HostRun> Refcounts::allocate(std::uint64_t least, std::uint64_t most) {
  INVARIANT(least >= 1 && least <= most);
  // What a header in doubt may name is nobody's yet.
  if (header_.in_doubt()) co_await order_.write_back(header_);
  const HostRun run = co_await find_free(least, most);
  std::exception_ptr error;
  try {
    refuse_impossible(run);
    co_await use(run);
  } catch (...) {
    error = std::current_exception();
  }
  if (error == nullptr) co_return run;
  free_runs_.add(run);
  std::rethrow_exception(error);
}

io::Task<HostRun> Refcounts::find_free(std::uint64_t least, std::uint64_t most) {
  if (const auto run = free_runs_.take(least, most)) co_return *run;
  frontier_ = std::min(frontier_, free_runs_.take_forgotten().value_or(frontier_));
  const HostRun found = co_await scan(least, most);
  co_return found;
}

/// Upwards from the frontier: to the first free cluster, and on while there are more.
io::Task<HostRun> Refcounts::scan(std::uint64_t least, std::uint64_t most) {
  HostRun run{frontier_, 0};
  while (run.count < most) {
    const Slice slice = co_await slice_of(run.end());
    for (HostCluster at = run.end(); at < slice.end && run.count < most; at = at + 1) {
      const bool free =
          slice.bytes == nullptr || codec_.get(slice.bytes, at.value - slice.first.value) == 0;
      if (free) {
        ++run.count;
        continue;
      }
      if (run.count >= least) {
        most = run.count;
        break;
      }
      free_runs_.add(run);
      run = {at + 1, 0};
      frontier_ = run.first;
    }
  }
  frontier_ = run.end();
  co_return run;
}

void Refcounts::refuse_impossible(HostRun run) const {
  if (run.end().value > largest_place >> geometry_.cluster_bits()) throw IoError(EFBIG);
  if (run.first.value == 0)
    throw Corruption("Preventing invalid allocation of cluster at offset 0");
  if (metadata_.overlaps(run))
    throw Corruption("Preventing invalid write on metadata (overlaps with a table in use)");
  const HostRange range{geometry_.start(run.first), geometry_.start(run.end())};
  if (in_flight_.conflicts(InFlight::Use::writing, {}, range))
    throw Corruption("Preventing invalid allocation of a cluster in use at offset " +
                     hex(range.start.value));
}

bool Refcounts::has_blocks(HostRun run) const {
  const std::uint64_t last = geometry_.block_index({run.end().value - 1});
  for (std::uint64_t i = geometry_.block_index(run.first); i <= last; ++i) {
    if (block_place(i).value == 0) return false;
  }
  return true;
}

io::Task<void> Refcounts::use(HostRun run) {
  if (has_blocks(run)) return count_up(run);
  return grow_and_use(run);
}

io::Task<void> Refcounts::count_up(HostRun run) {
  HostCluster at = run.first;
  std::exception_ptr error;
  try {
    while (at < run.end()) {
      const Slice slice = co_await slice_of(at);
      INVARIANT(slice.bytes != nullptr);
      const HostCluster first = at;
      for (; at < slice.end && at < run.end(); at = at + 1)
        codec_.set(slice.bytes, at.value - slice.first.value, 1);
      mark_dirty(slice, first, at);
    }
  } catch (...) {
    error = std::current_exception();
  }
  if (error == nullptr) co_return;
  const HostRun done{run.first, at.value - run.first.value};
  // What cannot be undone leaks.
  try {
    co_await count_down(done);
  } catch (const Refusal&) {
  }
  std::rethrow_exception(error);
}

io::Task<void> Refcounts::count_down(HostRun run) {
  for (HostCluster at = run.first; at < run.end();) {
    const Slice slice = co_await slice_of(at);
    if (slice.bytes == nullptr) {
      at = slice.end;
      continue;
    }
    const HostCluster first = at;
    for (; at < slice.end && at < run.end(); at = at + 1) {
      const std::uint64_t index = at.value - slice.first.value;
      const std::uint64_t count = codec_.get(slice.bytes, index);
      if (count != 0) codec_.set(slice.bytes, index, count - 1);
      if (count == 1 && at < frontier_) free_runs_.add({at, 1});
    }
    mark_dirty(slice, first, at);
  }
}

void Refcounts::mark_dirty(const Slice& slice, HostCluster first, HostCluster end) {
  const std::uint64_t zero = slice.first.value;
  blocks_.mark_dirty(slice.place, codec_.bytes_of(first.value - zero, end.value - zero));
}

io::Task<void> Refcounts::release(HostRun run) { return count_down(run); }

}  // namespace engine::qcow2
