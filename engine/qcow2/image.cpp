// SPDX-License-Identifier: MIT
#include "engine/qcow2/image.h"

#include <cerrno>
#include <optional>

#include "engine/qcow2/corruption.h"
#include "engine/qcow2/open_image.h"
#include "engine/qcow2/snapshot_table.h"

namespace engine::qcow2 {

io::Task<std::unique_ptr<Image>> Image::open(io::Runtime& runtime, io::Storage& file,
                                             CacheSizes caches, OpenFor purpose) {
  HeaderFile header(file);
  co_await header.load(purpose);
  auto image = std::make_unique<OpenImage>(runtime, file, std::move(header), caches);
  co_await image->load();
  if (purpose == OpenFor::use) co_await read_snapshot_table(file, image->header());
  if (file.access() == io::Access::read_write) co_await image->prepare_read_write();
  co_return std::unique_ptr<Image>(std::move(image));
}

io::Task<void> OpenImage::load() {
  const char* trouble = "Could not read L1 table";
  try {
    co_await parts_.mapping.load();
    trouble = "Could not initialize refcount handling";
    co_await parts_.refcounts.load();
  } catch (const IoError& error) {
    throw IoError(error.code(), trouble);
  }
}

void OpenImage::check_request(GuestOffset offset, ByteCount length) const {
  INVARIANT(offset.value <= parts_.length().value);
  INVARIANT(length.value <= parts_.length().value - offset.value);
  if (broken_) throw IoError(ENOMEDIUM);
}

io::Task<void> OpenImage::guarded(io::Task<void> work) {
  std::optional<std::string> finding;
  try {
    co_await work;
  } catch (const Corruption& corruption) {
    finding = corruption.finding();
  }
  if (finding) co_await signal_corruption(*finding);
}

HostOffset OpenImage::plain_place(GuestOffset offset, std::size_t size, std::uint64_t flags,
                                  InFlight::Use use) {
  const Geometry& geometry = parts_.geometry;
  const GuestCluster first = geometry.cluster_down(offset);
  const std::byte* slice = size != 0 ? parts_.mapping.cached_slice(first) : nullptr;
  if (slice == nullptr) return {0};
  const std::uint64_t cluster_size = geometry.cluster_size().value;
  const std::uint64_t unwanted =
      TableEntry::compressed_flag | TableEntry::zero_flag | (cluster_size - 512);
  std::uint64_t raw = parts_.mapping.entry(slice, first).raw;
  const TableEntry entry{raw};
  if (!entry.has_place() || (raw & (flags | unwanted)) != flags) return {0};
  const GuestOffset last_byte{offset.value + size - 1};
  const GuestCluster last = geometry.cluster_down(last_byte);
  if (last >= geometry.slice_end(first)) return {0};
  for (GuestCluster at = first + 1; at <= last; at = at + 1) {
    raw += cluster_size;
    if (parts_.mapping.entry(slice, at).raw != raw) return {0};
  }
  const HostOffset place = entry.place() + ByteCount{geometry.in_cluster(offset.value)};
  const ByteCount length{size};
  if (parts_.metadata.overlaps(geometry.touched(place, length))) return {0};
  if (parts_.in_flight.idle()) return place;
  const GuestRange guest{offset, offset + length};
  const HostRange host{place, place + length};
  return parts_.in_flight.conflicts(use, guest, host) ? HostOffset{0} : place;
}

io::Task<void> OpenImage::read(GuestOffset offset, std::span<std::byte> buffer) {
  check_request(offset, {buffer.size()});
  const HostOffset place = plain_place(offset, buffer.size(), 0, InFlight::Use::reading);
  if (place.value != 0) {
    io::Task<void> work = parts_.file.read(place, buffer);
    if (work.finished()) return work;
    // Tasks start when they are awaited: one that is dropped has done nothing. As this one has to
    // wait, it has to be entered as a request in flight.
  }
  return guarded(read_guest(parts_, offset, buffer));
}

io::Task<void> OpenImage::write(GuestOffset offset, std::span<const std::byte> data) {
  check_request(offset, {data.size()});
  const HostOffset place =
      plain_place(offset, data.size(), TableEntry::copied_flag, InFlight::Use::writing);
  if (place.value != 0) {
    io::Task<void> work = parts_.file.write(place, data);
    if (work.finished()) {
      parts_.data.note_written();
      return work;
    }
  }
  return guarded(write_guest(parts_, offset, data));
}

io::Task<void> OpenImage::write_zeroes(GuestOffset offset, ByteCount length, io::Unmap unmap) {
  check_request(offset, length);
  return guarded(zero_guest(parts_, offset, length, unmap));
}

io::Task<void> OpenImage::discard(GuestOffset offset, ByteCount length) {
  check_request(offset, length);
  return guarded(discard_guest(parts_, offset, length));
}

io::Task<Extent> OpenImage::extent(GuestOffset offset, ByteCount length) {
  check_request(offset, length);
  return guarded(find_extent(parts_, offset, length));
}

io::Task<void> OpenImage::flush() {
  if (broken_) throw IoError(ENOMEDIUM);
  if (parts_.file.access() == io::Access::read_only) return io::Task<void>::ready();
  return guarded(flush_everything(parts_));
}

io::Task<void> OpenImage::resize(ByteCount size) {
  if (broken_) throw IoError(ENOMEDIUM);
  return guarded(resize_disk(parts_, size));
}

}  // namespace engine::qcow2
