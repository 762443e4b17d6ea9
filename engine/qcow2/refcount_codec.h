// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/qcow2/bytes.h"

namespace engine::qcow2 {

/// Reference counts in a refcount block: 2^order bits each, big-endian where they take whole bytes,
/// from the least significant bit of a byte upwards where several share one.
class RefcountCodec {
 public:
  /// Requires order <= 6.
  explicit RefcountCodec(unsigned order) : order_(order) {}

  std::uint64_t get(const std::byte* block, std::uint64_t index) const;
  /// Requires value <= max().
  void set(std::byte* block, std::uint64_t index, std::uint64_t value) const;
  std::uint64_t max() const;
  /// Where the counts [first, end) lie.
  ByteSpan bytes_of(std::uint64_t first, std::uint64_t end) const {
    return {(first << order_) / 8, ((end << order_) + 7) / 8};
  }

 private:
  unsigned order_;
};

}  // namespace engine::qcow2
