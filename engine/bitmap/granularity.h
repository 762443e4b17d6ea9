// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <cstdint>

#include "engine/io/units.h"

namespace engine::bitmap {

/// How many bytes of the disk one bit stands for: a power of two from 512 B to 2 GiB (rule S2, S3).
class Granularity {
 public:
  static constexpr std::uint64_t min_bytes = 512;
  static constexpr std::uint64_t max_bytes = std::uint64_t{1} << 31;
  /// Of a number that is not greater than max_bytes, as 32 bits have no greater power of two.
  static constexpr bool valid(std::uint64_t bytes) {
    return is_power_of_two(bytes) && bytes >= min_bytes;
  }

  /// Requires valid(bytes), and no more than max_bytes.
  explicit Granularity(std::uint64_t bytes);
  static Granularity from_bits(unsigned bits) { return Granularity(std::uint64_t{1} << bits); }

  std::uint64_t bytes() const { return std::uint64_t{1} << bits_; }
  /// log2 of bytes(), as the qcow2 bitmap directory stores it (9 to 31).
  unsigned bits() const { return bits_; }
  friend bool operator==(Granularity, Granularity) = default;

 private:
  unsigned bits_;
};

/// The index of a granule: bit number i of a bitmap stands for bytes [i, i+1) * granularity.
struct GranuleIndex {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(GranuleIndex, GranuleIndex) = default;
};

/// A run of bytes; never empty where one is returned.
struct Range {
  GuestOffset start;
  ByteCount length;
  GuestOffset end() const { return start + length; }
  friend bool operator==(const Range&, const Range&) = default;
};

}  // namespace engine::bitmap
