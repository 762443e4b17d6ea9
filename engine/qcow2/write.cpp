// SPDX-License-Identifier: MIT
#include <algorithm>
#include <exception>

#include "engine/qcow2/compressed.h"
#include "engine/qcow2/cow.h"
#include "engine/qcow2/requests.h"

namespace engine::qcow2 {

namespace {

using Use = InFlight::Use;

/// A new place for guest clusters.
struct Claim {
  HostRun run;
  bool reused = false;  ///< the clusters had this place before, as zero clusters
  bool fresh = false;
};

/// Overwrites a run in place. Answers how much was written; 0 if it had to wait first.
io::Task<ByteCount> overwrite(Parts& parts, const MappedRun& run, GuestOffset at,
                              std::span<const std::byte> data) {
  const GuestRange guest{at, at + run.length};
  const HostRange host{run.host, run.host + run.length};
  if (parts.in_flight.conflicts(Use::writing, guest, host)) {
    co_await parts.in_flight.one_ended();
    co_return ByteCount{0};
  }
  refuse_write_to_metadata(parts, parts.geometry.touched(run.host, run.length));
  const InFlight::Ticket ticket(parts.in_flight, Use::writing, guest, host);
  co_await parts.file.write(run.host, data);
  parts.data.note_written();
  co_return run.length;
}

/// Gives the first clusters of a run a place, as many as lie together.
io::Task<Claim> claim(Parts& parts, const MappedRun& run, GuestCluster first, std::uint64_t count) {
  const io::Mutex::Guard guard = co_await parts.metadata_mutex.lock();
  // The table is there before the clusters are: then what may fail later is little.
  co_await parts.mapping.own_slice(first);
  Claim claim;
  if (run.kind == ClusterKind::zero && run.copied) {
    claim.run = {parts.geometry.cluster_down(run.host), count};
    claim.reused = true;
    co_return claim;
  }
  claim.run = co_await parts.refcounts.allocate(1, count);
  claim.fresh = parts.geometry.start(claim.run.first).value >= parts.file.size().value;
  co_return claim;
}

/// Lets the clusters have what they were claimed for.
io::Task<void> link(Parts& parts, const MappedRun& run, GuestCluster first, const Claim& claim) {
  const io::Mutex::Guard guard = co_await parts.metadata_mutex.lock();
  const Mapping::Slice slice = co_await parts.mapping.own_slice(first);
  for (std::uint64_t i = 0; i < claim.run.count; ++i) {
    const HostOffset place = parts.geometry.start(claim.run.first + i);
    parts.mapping.set_entry(slice, first + i, TableEntry::owned(place));
  }
  if (run.kind == ClusterKind::compressed)
    parts.frees.add(clusters_of(run.entry, parts.geometry));
  else if (run.has_place && !claim.reused)
    parts.frees.add({parts.geometry.cluster_down(run.host), claim.run.count});
}

io::Task<void> unclaim(Parts& parts, const Claim& claim) {
  if (claim.reused) co_return;
  const io::Mutex::Guard guard = co_await parts.metadata_mutex.lock();
  co_await parts.refcounts.release(claim.run);
}

/// Writes to claimed clusters and links them; on failure nothing is linked.
io::Task<void> fill_claim(Parts& parts, const MappedRun& run, GuestCluster first,
                          const Claim& claim, const FirstWrite& write) {
  std::exception_ptr error;
  try {
    refuse_write_to_metadata(parts, claim.run);
    co_await write_first(parts, write);
    parts.data.note_written();
    co_await link(parts, run, first, claim);
  } catch (...) {
    error = std::current_exception();
  }
  if (error == nullptr) co_return;
  co_await unclaim(parts, claim);
  std::rethrow_exception(error);
}

/// Writes to clusters that have no place of their own. Answers how much was written; 0 if it had to
/// wait first.
io::Task<ByteCount> allocate(Parts& parts, const MappedRun& run, GuestOffset at,
                             std::span<const std::byte> data) {
  const Geometry& geometry = parts.geometry;
  const GuestCluster first = geometry.cluster_down(at);
  const GuestCluster end = geometry.slice_end(first);
  const std::uint64_t wanted =
      std::min(end, geometry.cluster_up(at + run.length)).value - first.value;
  const bool replaces = run.kind == ClusterKind::compressed || (run.has_place && !run.copied);
  const Use use = replaces ? Use::replacing : Use::allocating;
  GuestRange clusters{geometry.start(first), geometry.start(first + wanted)};
  HostRange old_place{};
  if (run.has_place) {
    old_place.start = geometry.start(geometry.cluster_down(run.host));
    old_place.end = old_place.start + geometry.cluster_size() * wanted;
    refuse_write_to_metadata(parts, geometry.run(old_place.start, wanted));
  }
  if (parts.in_flight.conflicts(use, clusters, old_place)) {
    co_await parts.in_flight.one_ended();
    co_return ByteCount{0};
  }
  const InFlight::Ticket ticket(parts.in_flight, use, clusters, old_place);
  const Claim claimed = co_await claim(parts, run, first, wanted);
  const HostRange host{geometry.start(claimed.run.first), geometry.start(claimed.run.end())};
  const InFlight::Ticket new_place(parts.in_flight, Use::writing, GuestRange{}, host);

  clusters.end = geometry.start(first + claimed.run.count);
  const ByteCount length = std::min(size_of(data), clusters.end - at);
  const FirstWrite write{clusters, at, data.first(length.value), run, host.start, claimed.fresh};
  co_await fill_claim(parts, run, first, claimed, write);
  co_return length;
}

}  // namespace

io::Task<void> write_guest(Parts& parts, GuestOffset offset, std::span<const std::byte> data) {
  while (!data.empty()) {
    const MappedRun run = co_await find_run(parts, offset, size_of(data));
    const std::span<const std::byte> part = data.first(run.length.value);
    ByteCount done;
    if (run.kind == ClusterKind::data && run.copied) {
      done = co_await overwrite(parts, run, offset, part);
    } else {
      done = co_await allocate(parts, run, offset, part);
    }
    offset += done;
    data = data.subspan(done.value);
  }
}

}  // namespace engine::qcow2
