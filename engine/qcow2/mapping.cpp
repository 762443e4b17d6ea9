// SPDX-License-Identifier: MIT
#include "engine/qcow2/mapping.h"

#include <algorithm>
#include <exception>

#include "engine/qcow2/bytes.h"
#include "engine/qcow2/corruption.h"

namespace engine::qcow2 {

Mapping::Mapping(io::Storage& file, HeaderFile& header, const Geometry& geometry,
                 ByteCount cache_memory, WriteOrder& order, MetadataMap& metadata,
                 Refcounts& refcounts, DeferredFrees& frees)
    : file_(file),
      header_(header),
      geometry_(geometry),
      metadata_(metadata),
      refcounts_(refcounts),
      frees_(frees),
      order_(order),
      l2_(file, order, geometry.slice_size(), cache_memory),
      l1_(file) {}

io::Task<void> Mapping::load() {
  const Header& header = header_.header();
  co_await l1_.load(header.l1_table_offset, header.l1_size);
  metadata_.add(geometry_.run(l1_.place(), geometry_.clusters_for(l1_.bytes())));
  for (const std::uint64_t raw : l1_.filled()) {
    const TableEntry entry{raw};
    if (!entry.has_place()) continue;
    metadata_.add(geometry_.run(entry.place(), 1));
    if (l2_.cached_slices() != 0) l2_.forget(entry.place(), geometry_.cluster_size());
  }
  forget_last();
}

const std::byte* Mapping::find_slice(GuestCluster cluster) {
  const HostOffset table = TableEntry{l1_[geometry_.l1_index(cluster)]}.place();
  if (table.value == 0) return nullptr;
  const std::byte* bytes = l2_.find(slice_place(table, cluster));
  if (bytes == nullptr) return nullptr;
  last_number_ = cluster.value >> geometry_.l2_slice_bits();
  last_generation_ = l2_.generation();
  last_bytes_ = bytes;
  return bytes;
}

HostOffset Mapping::slice_place(HostOffset table, GuestCluster cluster) const {
  const std::uint64_t number = geometry_.index_in_l2(cluster) >> geometry_.l2_slice_bits();
  return table + geometry_.slice_size() * number;
}

HostOffset Mapping::table_place(GuestCluster cluster) const {
  const std::uint64_t index = geometry_.l1_index(cluster);
  const HostOffset place = TableEntry{l1_[index]}.place();
  if (geometry_.in_cluster(place.value) != 0)
    throw Corruption("L2 table offset " + hex(place.value) + " unaligned (L1 index: " + hex(index) +
                     ")");
  return place;
}

TableEntry Mapping::entry(const std::byte* slice, GuestCluster cluster) const {
  return {load_big<std::uint64_t>(slice + geometry_.index_in_slice(cluster) * 8)};
}

void Mapping::check_entry(TableEntry entry, GuestCluster cluster) const {
  const bool zero = entry.kind() == ClusterKind::zero;
  const bool aligned = geometry_.in_cluster(entry.place().value) == 0;
  if (entry.kind() == ClusterKind::compressed || (aligned && !zero)) return;
  const std::string where = " (L2 offset: " + hex(table_place(cluster).value) +
                            ", L2 index: " + hex(geometry_.index_in_l2(cluster)) + ")";
  if (zero && header_.header().version < 3)
    throw Corruption("Zero cluster entry found in pre-v3 image" + where);
  if (!aligned)
    throw Corruption((zero ? "Preallocated zero cluster offset " : "Cluster allocation offset ") +
                     hex(entry.place().value) + " unaligned" + where);
}

/// The first cluster after `from` that has an L2 table, or `limit`.
GuestCluster Mapping::end_without_tables(GuestCluster from, GuestCluster limit) const {
  std::uint64_t index = geometry_.l1_index(from);
  while (index < l1_.size() && !TableEntry{l1_[index]}.has_place() &&
         GuestCluster{index << geometry_.l2_bits()} < limit)
    ++index;
  return {index << geometry_.l2_bits()};
}

MappedRun Mapping::run_at(const std::byte* slice, GuestOffset at, ByteCount most) const {
  const GuestCluster first = geometry_.cluster_down(at);
  const std::uint64_t skipped = geometry_.in_cluster(at.value);
  const GuestCluster most_end = geometry_.cluster_up(at + most);
  const GuestCluster end =
      std::min(slice == nullptr ? end_without_tables(first, most_end) : geometry_.slice_end(first),
               most_end);
  MappedRun run;
  GuestCluster next = end;
  if (slice != nullptr) {
    const TableEntry entry_first = entry(slice, first);
    check_entry(entry_first, first);
    run.entry = entry_first;
    run.kind = entry_first.kind();
    run.has_place = run.kind != ClusterKind::compressed && entry_first.has_place();
    run.copied = run.has_place && entry_first.copied();
    run.host = entry_first.place() + ByteCount{skipped};
    // What follows in line looks like this entry, one cluster further.
    const std::uint64_t step = run.has_place ? geometry_.cluster_size().value : 0;
    const std::uint64_t mask = run.has_place ? ~std::uint64_t{0} : ~TableEntry::copied_flag;
    std::uint64_t expected = entry_first.raw + step;
    next = first + 1;
    while (next < end && ((entry(slice, next).raw ^ expected) & mask) == 0) {
      expected += step;
      next = next + 1;
    }
    if (run.kind == ClusterKind::compressed) next = first + 1;
  }
  run.length = std::min(most, geometry_.start(next) - at);
  return run;
}

io::Task<Mapping::Slice> Mapping::slice(GuestCluster cluster) {
  const HostOffset table = table_place(cluster);
  Slice slice;
  if (table.value == 0) co_return slice;
  slice.place = slice_place(table, cluster);
  slice.bytes = co_await l2_.load(slice.place);
  co_return slice;
}

io::Task<Mapping::Slice> Mapping::own_slice(GuestCluster cluster) {
  const std::uint64_t index = geometry_.l1_index(cluster);
  const TableEntry old{l1_[index]};
  HostOffset table = table_place(cluster);
  if (table.value == 0 || !old.copied()) {
    if (table.value == 0) {
      table = co_await make_table();
    } else {
      table = co_await copy_table(table);
    }
    l1_.set(index, TableEntry::owned(table).raw);
    if (old.has_place()) {
      l2_.forget(old.place(), geometry_.cluster_size());
      frees_.add(geometry_.run(old.place(), 1));
    }
    forget_last();
  }
  Slice slice{nullptr, slice_place(table, cluster)};
  slice.bytes = co_await l2_.load(slice.place);
  co_return slice;
}

io::Task<HostOffset> Mapping::make_table() {
  const HostRun run = co_await refcounts_.allocate(1, 1);
  metadata_.add(run);
  const HostOffset place = geometry_.start(run.first);
  std::exception_ptr error;
  try {
    co_await clear_table(place);
  } catch (...) {
    error = std::current_exception();
  }
  if (error == nullptr) co_return place;
  metadata_.remove(run);
  co_await refcounts_.release(run);
  std::rethrow_exception(error);
}

io::Task<void> Mapping::clear_table(HostOffset place) {
  if (geometry_.slice_size() == geometry_.cluster_size()) {
    co_await l2_.create(place);
    co_return;
  }
  co_await file_.write_zeroes(place, geometry_.cluster_size(), io::Unmap::no);
  l2_.note_written();
}

/// A shared table is never changed in place, so the file has it as it is.
io::Task<HostOffset> Mapping::copy_table(HostOffset shared) {
  const HostRun run = co_await refcounts_.allocate(1, 1);
  metadata_.add(run);
  const HostOffset place = geometry_.start(run.first);
  std::vector<std::byte> bytes(geometry_.cluster_size().value);
  const std::span<std::byte> buffer(bytes);
  std::exception_ptr error;
  try {
    co_await file_.read(shared, buffer);
    co_await file_.write(place, buffer);
    l2_.note_written();
  } catch (...) {
    error = std::current_exception();
  }
  if (error == nullptr) co_return place;
  metadata_.remove(run);
  co_await refcounts_.release(run);
  std::rethrow_exception(error);
}

void Mapping::set_entry(const Slice& slice, GuestCluster cluster, TableEntry entry) {
  const std::uint64_t at = geometry_.index_in_slice(cluster) * 8;
  store_big<std::uint64_t>(slice.bytes + at, entry.raw);
  l2_.mark_dirty(slice.place, {at, at + 8});
}

io::Task<void> Mapping::grow_l1(std::uint64_t entries) {
  const HostRun old_run = geometry_.run(l1_.place(), geometry_.clusters_for(l1_.bytes()));
  const std::uint64_t clusters = geometry_.clusters_for({entries * 8});
  const HostRun run = co_await refcounts_.allocate(clusters, clusters);
  metadata_.add(run);
  const HostOffset place = geometry_.start(run.first);
  TableEntries longer = l1_.filled();
  longer.resize(entries, 0);
  Header header = header_.header();
  header.l1_table_offset = place;
  header.l1_size = static_cast<std::uint32_t>(entries);
  std::exception_ptr error;
  try {
    // The new table points to everything that the old one points to in memory.
    co_await order_.write_back(l1_);
    co_await l1_.write_copy(place, longer);
    co_await header_.replace(std::move(header));
  } catch (...) {
    error = std::current_exception();
  }
  // A header in doubt is written again before the refcounts are, and before anybody gets a cluster.
  if (error != nullptr) {
    metadata_.remove(run);
    co_await refcounts_.release(run);
    std::rethrow_exception(error);
  }
  l1_.move_to(place, std::move(longer));
  metadata_.remove(old_run);
  co_await refcounts_.release(old_run);
}

void Mapping::drop_tables_from(std::uint64_t first) {
  for (std::uint64_t i = first; i < l1_.size(); ++i) {
    const TableEntry entry{l1_[i]};
    if (!entry.has_place()) continue;
    const HostRun table = geometry_.run(entry.place(), 1);
    l1_.set(i, 0);
    l2_.forget(entry.place(), geometry_.cluster_size());
    metadata_.remove(table);
    frees_.add(table);
  }
  forget_last();
}

}  // namespace engine::qcow2
