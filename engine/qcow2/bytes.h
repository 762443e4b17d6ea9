// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace engine::qcow2 {

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

}  // namespace engine::qcow2
