// SPDX-License-Identifier: MIT
#include "engine/qcow2/compressed.h"

#include <zlib.h>
#include <zstd.h>

#include <cerrno>

#include "engine/error.h"
#include "engine/qcow2/bytes.h"

namespace engine::qcow2 {

namespace {

/// Two to the power of this is how far back the format lets deflate refer; negative: no zlib head.
constexpr int window_bits = -12;

bool inflate_all(std::span<const std::byte> from, std::span<std::byte> to) {
  z_stream stream{};
  if (inflateInit2(&stream, window_bits) != Z_OK) return false;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(from.data()));
  stream.avail_in = static_cast<uInt>(from.size());
  stream.next_out = reinterpret_cast<Bytef*>(to.data());
  stream.avail_out = static_cast<uInt>(to.size());
  const int result = inflate(&stream, Z_FINISH);
  const bool filled = stream.avail_out == 0;
  inflateEnd(&stream);
  return filled && (result == Z_STREAM_END || result == Z_BUF_ERROR);
}

bool unzstd_all(std::span<const std::byte> from, std::span<std::byte> to) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(),
                                                                     ZSTD_freeDCtx);
  ZSTD_inBuffer in{from.data(), from.size(), 0};
  ZSTD_outBuffer out{to.data(), to.size(), 0};
  // One frame, or several.
  while (context != nullptr && out.pos < out.size) {
    const std::size_t before = in.pos + out.pos;
    const std::size_t result = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(result) != 0 || in.pos + out.pos == before) return false;
  }
  return out.pos == out.size;
}

}  // namespace

CompressedPlace compressed_place(TableEntry entry, const Geometry& geometry) {
  const unsigned offset_bits = 62 - (geometry.cluster_bits() - 8);
  const HostOffset start{entry.raw & ((std::uint64_t{1} << offset_bits) - 1)};
  const std::uint64_t more_sectors = (entry.raw & (TableEntry::compressed_flag - 1)) >> offset_bits;
  return {start, ByteCount{(more_sectors + 1) * sector_size - start.value % sector_size}};
}

HostRun clusters_of(TableEntry entry, const Geometry& geometry) {
  if (entry.kind() == ClusterKind::compressed) {
    const CompressedPlace place = compressed_place(entry, geometry);
    return geometry.touched(place.start, place.length);
  }
  return {geometry.cluster_down(entry.place()), entry.has_place() ? std::uint64_t{1} : 0};
}

void expand(unsigned compression_type, std::span<const std::byte> from, std::span<std::byte> to) {
  const bool whole = compression_type == 0 ? inflate_all(from, to) : unzstd_all(from, to);
  if (!whole) throw IoError(EIO);
}

io::Task<void> read_compressed(Parts& parts, TableEntry entry, std::span<std::byte> cluster) {
  const CompressedPlace place = compressed_place(entry, parts.geometry);
  const ScratchBuffers::Buffer scratch(parts.scratch, place.length.value);
  const std::span<std::byte> bytes = scratch.bytes();
  co_await read_file(parts, place.start, bytes);
  expand(parts.header.header().compression_type, bytes, cluster);
}

}  // namespace engine::qcow2
