// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

#include "engine/qcow2/compressed.h"
#include "engine/qcow2/requests.h"

namespace engine::qcow2 {

namespace {

using Use = InFlight::Use;

/// What becomes of clusters whose contents are given up.
enum class Fate {
  zero_kept,    ///< zero clusters that keep their place
  zero_freed,   ///< zero clusters without a place
  unallocated,  ///< nothing
  discarded     ///< what a discard leaves behind in this image (S110)
};

struct Clusters {
  GuestCluster first;
  GuestCluster end;
};

TableEntry entry_after(const Parts& parts, TableEntry old, Fate fate) {
  const TableEntry zero{TableEntry::zero_flag};
  switch (fate) {
    case Fate::zero_kept:
      return old.has_place() && old.kind() != ClusterKind::compressed ? old.with_zero() : zero;
    case Fate::zero_freed:
      return zero;
    case Fate::unallocated:
      return {0};
    default:
      break;  // discarded
  }
  if (parts.version() < 3) return {0};
  // Without a backing an unallocated cluster reads as zeros already.
  if (old.kind() == ClusterKind::unallocated && parts.backing == nullptr) return {0};
  // QEMU leaves zero clusters alone, with or without a place.
  return old.kind() == ClusterKind::zero ? old : zero;
}

/// Whether clusters that have no L2 table may stay without one.
bool nothing_to_do_without_table(const Parts& parts, Fate fate) {
  if (fate == Fate::unallocated) return true;
  return fate == Fate::discarded && (parts.version() < 3 || parts.backing == nullptr);
}

/// Changes the entries of clusters of one slice, under the mutex.
void change_entries(Parts& parts, const Mapping::Slice& slice, Clusters clusters, Fate fate) {
  for (GuestCluster at = clusters.first; at < clusters.end; at = at + 1) {
    const TableEntry old = parts.mapping.entry(slice.bytes, at);
    const TableEntry next = entry_after(parts, old, fate);
    if (next.raw == old.raw) continue;
    parts.mapping.set_entry(slice, at, next);
    const HostRun freed = clusters_of(old, parts.geometry);
    if (freed.count != 0 && !next.has_place()) parts.frees.add(freed);
  }
}

/// Checks every entry before any is changed.
void check_entries(Parts& parts, const Mapping::Slice& slice, Clusters clusters) {
  const GuestOffset end = parts.geometry.start(clusters.end);
  for (GuestOffset at = parts.geometry.start(clusters.first); at < end;) {
    const MappedRun run = parts.mapping.run_at(slice.bytes, at, end - at);
    at += run.length;
  }
}

GuestRange range_of(const Parts& parts, Clusters clusters) {
  return {parts.geometry.start(clusters.first), parts.geometry.start(clusters.end)};
}

/// The clusters of one slice. Requires a ticket: nobody else is at work there.
io::Task<void> give_up_alone(Parts& parts, Clusters clusters, Fate fate) {
  const io::Mutex::Guard guard = co_await parts.metadata_mutex.lock();
  if (parts.mapping.has_no_table(clusters.first) && nothing_to_do_without_table(parts, fate))
    co_return;
  const Mapping::Slice slice = co_await parts.mapping.own_slice(clusters.first);
  check_entries(parts, slice, clusters);
  change_entries(parts, slice, clusters, fate);
}

/// The same; waits for all requests that are at work there.
io::Task<void> give_up_in_slice(Parts& parts, Clusters clusters, Fate fate) {
  const GuestRange guest = range_of(parts, clusters);
  const HostRange nowhere{};
  while (parts.in_flight.conflicts(Use::replacing, guest, nowhere))
    co_await parts.in_flight.one_ended();
  const InFlight::Ticket ticket(parts.in_flight, Use::replacing, guest, nowhere);
  co_await give_up_alone(parts, clusters, fate);
}

io::Task<void> give_up(Parts& parts, Clusters clusters, Fate fate) {
  while (clusters.first < clusters.end) {
    const GuestCluster slice_end = parts.geometry.slice_end(clusters.first);
    const Clusters part{clusters.first, std::min(slice_end, clusters.end)};
    co_await give_up_in_slice(parts, part, fate);
    if (parts.frees.too_many()) co_await flush_everything(parts);
    clusters.first = part.end;
  }
}

/// Whole clusters of a range; the end of the disk counts as the end of a cluster.
Clusters whole_clusters(const Parts& parts, GuestOffset start, GuestOffset end) {
  const Geometry& geometry = parts.geometry;
  const bool to_the_end = end.value == parts.length().value;
  return {geometry.cluster_up(start),
          to_the_end ? geometry.cluster_up(end) : geometry.cluster_down(end)};
}

Fate fate_of_zeroes(const Parts& parts, io::Unmap unmap) {
  if (parts.version() < 3) return Fate::unallocated;
  return unmap == io::Unmap::yes ? Fate::zero_freed : Fate::zero_kept;
}

/// Version 2 has no zero clusters: over a backing zeros must be written.
bool has_zero_clusters(const Parts& parts) {
  return parts.version() >= 3 || parts.backing == nullptr;
}

io::Task<void> write_zero_bytes(Parts& parts, GuestOffset at, GuestOffset end) {
  constexpr std::uint64_t chunk = 1 << 20;
  const std::vector<std::byte> zeros(std::min(chunk, (end - at).value));
  while (at < end) {
    const ByteCount part{std::min<std::uint64_t>(zeros.size(), (end - at).value)};
    const std::span<const std::byte> data(zeros.data(), part.value);
    co_await write_guest(parts, at, data);
    at += part;
  }
}

/// Whether the cluster at `at` reads as zeros as a whole.
io::Task<bool> reads_zero(Parts& parts, GuestOffset at) {
  const GuestOffset start = parts.geometry.start(parts.geometry.cluster_down(at));
  const ByteCount length{
      std::min(parts.geometry.cluster_size().value, parts.length().value - start.value)};
  const MappedRun run = co_await find_run(parts, start, length);
  if (run.kind == ClusterKind::zero) co_return true;
  if (run.kind != ClusterKind::unallocated) co_return false;
  if (parts.backing == nullptr) co_return true;
  const bool zero = co_await parts.backing->reads_zero(start, length);
  co_return zero;
}

/// Makes a cluster that reads as zeros a zero cluster. False if it does not read so. What it reads
/// as is asked when nobody else is at work there: a write to another part may have been.
io::Task<bool> give_up_if_zero(Parts& parts, GuestOffset at, io::Unmap unmap) {
  const GuestCluster cluster = parts.geometry.cluster_down(at);
  const Clusters one{cluster, cluster + 1};
  const GuestRange guest = range_of(parts, one);
  const HostRange nowhere{};
  while (parts.in_flight.conflicts(Use::replacing, guest, nowhere))
    co_await parts.in_flight.one_ended();
  const InFlight::Ticket ticket(parts.in_flight, Use::replacing, guest, nowhere);
  const bool zero = co_await reads_zero(parts, at);
  if (zero) co_await give_up_alone(parts, one, fate_of_zeroes(parts, unmap));
  co_return zero;
}

/// Zeros in a part of one cluster. A cluster that is zero already becomes a zero cluster as a
/// whole, as in QEMU.
io::Task<void> zero_part(Parts& parts, GuestOffset at, GuestOffset end, io::Unmap unmap) {
  bool done = false;
  if (has_zero_clusters(parts)) done = co_await give_up_if_zero(parts, at, unmap);
  if (!done) co_await write_zero_bytes(parts, at, end);
  if (parts.frees.too_many()) co_await flush_everything(parts);
}

}  // namespace

io::Task<void> zero_guest(Parts& parts, GuestOffset offset, ByteCount length, io::Unmap unmap) {
  const Geometry& geometry = parts.geometry;
  const GuestOffset end = offset + length;
  const Clusters whole = whole_clusters(parts, offset, end);
  const bool none_whole = !(whole.first < whole.end);
  // The parts before and after; without a whole cluster at most two clusters are touched.
  const GuestOffset head_end = std::min(end, geometry.start(whole.first));
  if (offset < head_end) co_await zero_part(parts, offset, head_end, unmap);
  if (!none_whole && has_zero_clusters(parts)) {
    co_await give_up(parts, whole, fate_of_zeroes(parts, unmap));
  } else if (!none_whole) {
    const GuestOffset whole_end = std::min(geometry.start(whole.end), end);
    co_await write_zero_bytes(parts, geometry.start(whole.first), whole_end);
  }
  const GuestOffset tail = std::max(head_end, geometry.start(whole.end));
  if (tail < end) co_await zero_part(parts, tail, end, unmap);
}

io::Task<void> discard_guest(Parts& parts, GuestOffset offset, ByteCount length) {
  // Zeros would have to be written, or the backing would show.
  if (!has_zero_clusters(parts)) co_return;
  const Clusters clusters = whole_clusters(parts, offset, offset + length);
  co_await give_up(parts, clusters, Fate::discarded);
}

io::Task<void> forget_clusters(Parts& parts, GuestCluster first, GuestCluster end) {
  const Clusters clusters{first, end};
  co_await give_up(parts, clusters, Fate::unallocated);
}

}  // namespace engine::qcow2
