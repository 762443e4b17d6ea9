// SPDX-License-Identifier: MIT
#include <algorithm>

#include "engine/qcow2/compressed.h"
#include "engine/qcow2/requests.h"

namespace engine::qcow2 {

namespace {

/// Reads a run in place. False if it had to wait first: the run may be another one now.
io::Task<bool> read_in_place(Parts& parts, GuestOffset at, HostOffset host,
                             std::span<std::byte> buffer) {
  const GuestRange guest{at, at + size_of(buffer)};
  const HostRange range{host, host + size_of(buffer)};
  if (parts.in_flight.conflicts(InFlight::Use::reading, guest, range)) {
    co_await parts.in_flight.one_ended();
    co_return false;
  }
  const InFlight::Ticket ticket(parts.in_flight, InFlight::Use::reading, guest, range);
  co_await read_file(parts, host, buffer);
  co_return true;
}

/// Reads a part of a compressed cluster. False if it had to wait first.
io::Task<bool> read_expanded(Parts& parts, TableEntry entry, GuestOffset at,
                             std::span<std::byte> buffer) {
  const GuestRange guest{at, at + size_of(buffer)};
  const CompressedPlace place = compressed_place(entry, parts.geometry);
  const HostRange range{place.start, place.start + place.length};
  if (parts.in_flight.conflicts(InFlight::Use::reading, guest, range)) {
    co_await parts.in_flight.one_ended();
    co_return false;
  }
  const InFlight::Ticket ticket(parts.in_flight, InFlight::Use::reading, guest, range);
  const ScratchBuffers::Buffer scratch(parts.scratch, parts.geometry.cluster_size().value);
  const std::span<std::byte> cluster = scratch.bytes();
  co_await read_compressed(parts, entry, cluster);
  const auto first = cluster.subspan(parts.geometry.in_cluster(at.value), buffer.size());
  std::copy(first.begin(), first.end(), buffer.begin());
  co_return true;
}

}  // namespace

io::Task<void> read_guest(Parts& parts, GuestOffset offset, std::span<std::byte> buffer) {
  while (!buffer.empty()) {
    const MappedRun run = co_await find_run(parts, offset, size_of(buffer));
    const std::span<std::byte> part = buffer.first(run.length.value);
    if (run.kind == ClusterKind::compressed) {
      const bool done = co_await read_expanded(parts, run.entry, offset, part);
      if (!done) continue;
    } else if (run.kind == ClusterKind::data) {
      const bool done = co_await read_in_place(parts, offset, run.host, part);
      if (!done) continue;
    } else if (run.kind == ClusterKind::unallocated && parts.backing != nullptr) {
      co_await parts.backing->read(offset, part);
    } else {
      std::fill(part.begin(), part.end(), std::byte{0});
    }
    offset += run.length;
    buffer = buffer.subspan(part.size());
  }
}

io::Task<Extent> find_extent(Parts& parts, GuestOffset offset, ByteCount length) {
  const auto kind_of = [](const MappedRun& run) {
    if (run.kind == ClusterKind::unallocated) return ExtentKind::unallocated;
    return run.kind == ClusterKind::zero ? ExtentKind::zero : ExtentKind::data;
  };
  const MappedRun first = co_await find_run(parts, offset, length);
  Extent extent{kind_of(first), first.length};
  while (extent.length < length) {
    const GuestOffset at = offset + extent.length;
    const ByteCount rest = length - extent.length;
    const MappedRun run = co_await find_run(parts, at, rest);
    if (kind_of(run) != extent.kind) break;
    extent.length += run.length;
  }
  co_return extent;
}

}  // namespace engine::qcow2
