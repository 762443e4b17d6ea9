// SPDX-License-Identifier: MIT
#include <cerrno>
#include <exception>

#include "engine/error.h"
#include "engine/qcow2/header_limits.h"
#include "engine/qcow2/requests.h"

namespace engine::qcow2 {

namespace {

io::Task<void> set_length(Parts& parts, ByteCount size) {
  const io::Mutex::Guard guard = co_await parts.metadata_mutex.lock();
  Header header = parts.header.header();
  header.size = size;
  co_await parts.header.replace(std::move(header));
}

/// Makes the L1 table reach so far.
io::Task<void> extend_l1(Parts& parts, ByteCount size) {
  const io::Mutex::Guard guard = co_await parts.metadata_mutex.lock();
  const std::uint64_t entries = l1_entries_for(size, parts.geometry.cluster_bits());
  if (entries > max_l1_bytes.value / 8) throw IoError(EFBIG, "Failed to grow the L1 table");
  if (entries <= parts.mapping.l1().size()) co_return;
  try {
    co_await parts.mapping.grow_l1(entries);
  } catch (const IoError& error) {
    throw IoError(error.code(), "Failed to grow the L1 table");
  }
}

/// Zeros from the old end on, so that a backing does not show there. They are durable before the
/// disk reaches so far. Without zero clusters only the rest of the last cluster can be hidden.
io::Task<void> hide_backing(Parts& parts, ByteCount size) {
  const ByteCount old = parts.length();
  const std::uint64_t cluster_size = parts.geometry.cluster_size().value;
  const ByteCount last_cluster_end{round_up(old.value, cluster_size)};
  if (parts.version() < 3 && size > last_cluster_end) {
    throw IoError(ENOTSUP, "Failed to zero out new clusters");
  }
  // Nothing beyond the new end within the last cluster: what an earlier shrink left there stays.
  const ByteCount end{size > last_cluster_end ? round_up(size.value, cluster_size) : size.value};
  const GuestOffset from{old.value};
  co_await zero_guest(parts, from, end - old, io::Unmap::no);
  co_await flush_everything(parts);
}

/// Where a backing is longer than the disk was, all that is new is hidden from it (B69). Otherwise
/// new clusters show zeros anyway, and what an earlier shrink left in the last cluster comes back:
/// so it does in QEMU.
io::Task<void> grow(Parts& parts, ByteCount size) {
  co_await extend_l1(parts, size);
  const bool backing_shows = parts.backing != nullptr && parts.backing->length() > parts.length();
  if (backing_shows) co_await hide_backing(parts, size);
  co_await set_length(parts, size);
}

io::Task<void> drop_clusters(Parts& parts, GuestCluster first, GuestCluster end,
                             std::uint64_t first_table) {
  co_await forget_clusters(parts, first, end);
  {
    const io::Mutex::Guard guard = co_await parts.metadata_mutex.lock();
    parts.mapping.drop_tables_from(first_table);
  }
  co_await flush_everything(parts);
}

io::Task<void> shrink(Parts& parts, ByteCount size) {
  const Geometry& geometry = parts.geometry;
  const GuestCluster first = geometry.cluster_up(GuestOffset{size.value});
  const GuestCluster end = geometry.cluster_up(GuestOffset{parts.length().value});
  const ByteCount old = parts.length();
  // The header first: a disk that is too short for its tables is whole, the other way round is not.
  co_await set_length(parts, size);
  std::exception_ptr error;
  try {
    co_await drop_clusters(parts, first, end, l1_entries_for(size, geometry.cluster_bits()));
  } catch (...) {
    error = std::current_exception();
  }
  if (error == nullptr) co_return;
  // As long as before, so that shrinking can be tried again; what is dropped already reads as
  // zeros.
  try {
    co_await set_length(parts, old);
  } catch (const IoError&) {
  }
  std::rethrow_exception(error);
}

}  // namespace

io::Task<void> resize_disk(Parts& parts, ByteCount size) {
  INVARIANT(size.value % 512 == 0);
  if (parts.header.header().nb_snapshots != 0 && parts.version() < 3)
    throw IoError(ENOTSUP, "Can't resize a v2 image which has snapshots");
  if (size < parts.length()) return shrink(parts, size);
  if (size > parts.length()) return grow(parts, size);
  return io::Task<void>::ready();
}

}  // namespace engine::qcow2
