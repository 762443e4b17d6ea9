// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bit>
#include <boost/core/noinit_adaptor.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace engine::qcow2 {

/// What a disk writes whole or not at all.
constexpr std::uint64_t sector_size = 512;

/// Bytes [first, end) of something.
struct ByteSpan {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
  bool empty() const { return first == end; }
};

/// Reads a big-endian number, as all numbers of the format are. Requires sizeof(T) readable bytes.
template <class T>
T load_big(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  if constexpr (std::endian::native == std::endian::big || sizeof(T) == 1) return value;
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(value));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(value));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(value));
}

/// Writes a big-endian number. Requires sizeof(T) writable bytes.
template <class T>
void store_big(std::byte* bytes, T value) {
  const T big = load_big<T>(reinterpret_cast<const std::byte*>(&value));
  std::memcpy(bytes, &big, sizeof big);
}

/// Entries of a table. Made with a size alone they hold anything: they are about to be read,
/// and to zero them first would cost as much.
using TableEntries =
    std::vector<std::uint64_t, boost::noinit_adaptor<std::allocator<std::uint64_t>>>;

/// The next entry from `index` on that is not zero, as most entries of most tables are; how many
/// there are if there is none.
inline std::uint64_t next_filled(std::span<const std::uint64_t> entries, std::uint64_t index) {
  static constexpr std::array<std::uint64_t, 64> zeros{};
  const auto empty = [&](std::uint64_t at) {
    return std::memcmp(&entries[at], zeros.data(), sizeof zeros) == 0;
  };
  while (index < entries.size() && entries[index] == 0) {
    const bool whole = index % zeros.size() == 0 && index + zeros.size() <= entries.size();
    index += whole && empty(index) ? zeros.size() : 1;
  }
  return index;
}

/// Turns numbers as the file has them into numbers.
inline void numbers_from_big(std::span<std::uint64_t> entries) {
  for (std::uint64_t i = 0; (i = next_filled(entries, i)) < entries.size(); ++i) {
    entries[i] = load_big<std::uint64_t>(reinterpret_cast<const std::byte*>(&entries[i]));
  }
}

}  // namespace engine::qcow2
