// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/io/units.h"

namespace engine::qcow2 {

/// An entry of a bitmap table, for one cluster of bits. Bits 9 to 55 of the big-endian number are
/// the offset of the cluster; bit 0 says, where the offset is 0, whether the bits are all one. The
/// others are reserved and zero.
class BitmapTableEntry {
 public:
  static BitmapTableEntry all_zero() { return BitmapTableEntry(0); }
  /// Requires an offset at a cluster's start, not 0.
  static BitmapTableEntry data_at(HostOffset offset) { return BitmapTableEntry(offset.value); }
  explicit BitmapTableEntry(std::uint64_t raw) : raw_(raw) {}

  std::uint64_t raw() const { return raw_; }
  bool is_all_zero() const { return raw_ == 0; }
  bool is_all_one() const { return raw_ == 1; }
  bool is_data() const { return offset().value != 0; }
  HostOffset offset() const { return {raw_ & offset_mask}; }
  /// Whether it is one of the three.
  bool valid(ByteCount cluster_size) const;
  friend bool operator==(BitmapTableEntry, BitmapTableEntry) = default;

 private:
  static constexpr std::uint64_t offset_mask = 0x00fffffffffffe00;

  std::uint64_t raw_;
};

/// Decodes a table; whether its entries are valid is for the caller to ask.
std::vector<BitmapTableEntry> decode_bitmap_table(std::span<const std::byte> bytes);
std::vector<std::byte> encode_bitmap_table(const std::vector<BitmapTableEntry>& table);

}  // namespace engine::qcow2
