// SPDX-License-Identifier: MIT
#include "engine/qcow2/cow.h"

#include <algorithm>
#include <cstring>

#include "engine/qcow2/compressed.h"

namespace engine::qcow2 {

namespace {

/// Up to here one write of everything beats separate writes of the parts.
constexpr std::uint64_t most_copied = 256 << 10;

std::uint64_t head_of(const FirstWrite& write) {
  return write.at.value - write.clusters.start.value;
}
GuestOffset data_end(const FirstWrite& write) { return write.at + ByteCount{write.data.size()}; }
std::uint64_t tail_of(const FirstWrite& write) {
  return write.clusters.end.value - data_end(write).value;
}

/// A part of what a compressed cluster held.
io::Task<void> read_old_compressed(Parts& parts, TableEntry entry, GuestOffset at,
                                   std::span<std::byte> buffer) {
  const ScratchBuffers::Buffer scratch(parts.scratch, parts.geometry.cluster_size().value);
  const std::span<std::byte> cluster = scratch.bytes();
  co_await read_compressed(parts, entry, cluster);
  std::memcpy(buffer.data(), cluster.data() + parts.geometry.in_cluster(at.value), buffer.size());
}

/// Fills a buffer with the old contents from `at` on. Where the disk ends within a cluster of its
/// own, what that holds beyond the end is kept: it shows when the disk grows. Else zeros are beyond
/// the end, whatever the backing has there.
io::Task<void> read_old(Parts& parts, const FirstWrite& write, GuestOffset at,
                        std::span<std::byte> buffer) {
  if (buffer.empty()) co_return;
  if (write.old.kind == ClusterKind::data) {
    const HostOffset host{write.old.host.value + at.value - write.at.value};
    co_await parts.file.read(host, buffer);
    co_return;
  }
  if (write.old.kind == ClusterKind::compressed) {
    co_await read_old_compressed(parts, write.old.entry, at, buffer);
    co_return;
  }
  const std::uint64_t within =
      parts.length() > ByteCount{at.value} ? parts.length().value - at.value : 0;
  const std::span<std::byte> inside = buffer.first(std::min<std::uint64_t>(buffer.size(), within));
  std::fill(buffer.begin() + static_cast<std::ptrdiff_t>(inside.size()), buffer.end(),
            std::byte{0});
  if (inside.empty()) co_return;
  if (write.old.kind == ClusterKind::unallocated && parts.backing != nullptr) {
    co_await parts.backing->read(at, inside);
  } else {
    std::fill(inside.begin(), inside.end(), std::byte{0});
  }
}

io::Task<bool> old_is_zero(Parts& parts, const FirstWrite& write) {
  const bool has_data =
      write.old.kind == ClusterKind::data || write.old.kind == ClusterKind::compressed;
  if (has_data) return io::Task<bool>::ready(false);
  if (write.old.kind == ClusterKind::zero || parts.backing == nullptr)
    return io::Task<bool>::ready(true);
  const GuestOffset end{std::min(write.clusters.end.value, parts.length().value)};
  return parts.backing->reads_zero(write.clusters.start, end - write.clusters.start);
}

/// One write of whole clusters from one buffer.
io::Task<void> write_combined(Parts& parts, const FirstWrite& write) {
  const ByteCount total = write.clusters.end - write.clusters.start;
  const ScratchBuffers::Buffer scratch(parts.scratch, total.value);
  const std::span<std::byte> all = scratch.bytes().first(total.value);
  const std::uint64_t head = head_of(write);
  if (total == parts.geometry.cluster_size()) {
    co_await read_old(parts, write, write.clusters.start, all);
  } else {
    const std::span<std::byte> before = all.first(head);
    const std::span<std::byte> after = all.last(tail_of(write));
    co_await read_old(parts, write, write.clusters.start, before);
    co_await read_old(parts, write, data_end(write), after);
  }
  std::memcpy(all.data() + head, write.data.data(), write.data.size());
  co_await parts.file.write(write.host, all);
}

/// The parts one by one; no buffer is larger than what lacks at an end of the data.
io::Task<void> write_separately(Parts& parts, const FirstWrite& write) {
  const std::uint64_t head = head_of(write);
  const std::uint64_t tail = tail_of(write);
  const ScratchBuffers::Buffer scratch(parts.scratch, std::max(head, tail));
  const std::span<std::byte> before = scratch.bytes().first(head);
  co_await read_old(parts, write, write.clusters.start, before);
  if (!before.empty()) co_await parts.file.write(write.host, before);
  const HostOffset data_at = write.host + ByteCount{head};
  co_await parts.file.write(data_at, write.data);
  const std::span<std::byte> after = scratch.bytes().first(tail);
  co_await read_old(parts, write, data_end(write), after);
  const HostOffset after_at = data_at + ByteCount{write.data.size()};
  if (!after.empty()) co_await parts.file.write(after_at, after);
}

/// Zeros around the data, without writing them where the file has them already.
io::Task<void> write_on_zeros(Parts& parts, const FirstWrite& write) {
  if (!write.fresh)
    co_await parts.file.write_zeroes(write.host, write.clusters.end - write.clusters.start,
                                     io::Unmap::no);
  const HostOffset at = write.host + ByteCount{head_of(write)};
  co_await parts.file.write(at, write.data);
}

}  // namespace

io::Task<void> write_first(Parts& parts, const FirstWrite& write) {
  if (head_of(write) == 0 && tail_of(write) == 0) {
    co_await parts.file.write(write.host, write.data);
    co_return;
  }
  const bool large = write.clusters.end - write.clusters.start > ByteCount{most_copied};
  bool zeros = false;
  if (write.fresh || large) zeros = co_await old_is_zero(parts, write);
  if (zeros) {
    co_await write_on_zeros(parts, write);
  } else if (large) {
    co_await write_separately(parts, write);
  } else {
    co_await write_combined(parts, write);
  }
}

}  // namespace engine::qcow2
