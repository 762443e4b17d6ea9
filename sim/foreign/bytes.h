// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sim::foreign {

using Bytes = std::vector<std::byte>;

/// A big-endian number of `length` bytes.
inline void put_number(Bytes& to, std::uint64_t at, std::uint64_t value, unsigned length) {
  for (unsigned i = length; i-- > 0; value >>= 8) to[at + i] = static_cast<std::byte>(value & 0xff);
}

/// The refcount of that index in a block; of less than 8 bits they fill a byte from its low end.
inline void put_refcount(Bytes& block, std::uint64_t index, unsigned order, std::uint64_t value) {
  if (order >= 3) return put_number(block, index << (order - 3), value, 1u << (order - 3));
  const std::uint64_t bit = index << order;
  block[bit / 8] |= static_cast<std::byte>(value << bit % 8);
}

}  // namespace sim::foreign
