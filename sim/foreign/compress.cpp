// SPDX-License-Identifier: MIT
#include "sim/foreign/compress.h"

#include <zlib.h>
#include <zstd.h>

#include "sim/ensure.h"
#include "sim/foreign/bytes.h"

namespace sim::foreign {

namespace {

std::vector<std::byte> deflated(std::vector<unsigned char>& from) {
  constexpr int window_bits = -12;
  z_stream stream{};
  ENSURE(deflateInit2(&stream, 1, Z_DEFLATED, window_bits, 9, Z_HUFFMAN_ONLY) == Z_OK);
  std::vector<std::byte> to(deflateBound(&stream, from.size()));
  stream.next_in = from.data();
  stream.avail_in = static_cast<uInt>(from.size());
  stream.next_out = reinterpret_cast<unsigned char*>(to.data());
  stream.avail_out = static_cast<uInt>(to.size());
  const int result = deflate(&stream, Z_FINISH);
  to.resize(stream.total_out);
  deflateEnd(&stream);
  ENSURE(result == Z_STREAM_END);
  return to;
}

}  // namespace

std::vector<std::byte> compressed(std::uint64_t size, std::uint8_t byte, bool zstd) {
  std::vector<unsigned char> from(size, byte);
  if (!zstd) return deflated(from);
  std::vector<std::byte> to(ZSTD_compressBound(size));
  const std::size_t length = ZSTD_compress(to.data(), to.size(), from.data(), from.size(), 1);
  ENSURE(ZSTD_isError(length) == 0);
  to.resize(length);
  return to;
}

std::vector<std::byte> expanded(const std::vector<std::byte>& from, std::uint64_t size, bool zstd) {
  std::vector<std::byte> to(size);
  if (zstd) {
    // What follows the frame in its last sector is no frame.
    const std::size_t length = ZSTD_findFrameCompressedSize(from.data(), from.size());
    if (ZSTD_isError(length) != 0) return {};
    return ZSTD_decompress(to.data(), size, from.data(), length) == size ? to : Bytes();
  }
  constexpr int window_bits = -12;
  Bytes source = from;
  z_stream stream{};
  ENSURE(inflateInit2(&stream, window_bits) == Z_OK);
  stream.next_in = reinterpret_cast<unsigned char*>(source.data());
  stream.avail_in = static_cast<uInt>(source.size());
  stream.next_out = reinterpret_cast<unsigned char*>(to.data());
  stream.avail_out = static_cast<uInt>(size);
  inflate(&stream, Z_FINISH);
  const bool whole = stream.avail_out == 0;
  inflateEnd(&stream);
  return whole ? to : Bytes();
}

}  // namespace sim::foreign
