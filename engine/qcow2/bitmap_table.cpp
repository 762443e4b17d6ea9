// SPDX-License-Identifier: MIT
#include "engine/qcow2/bitmap_table.h"

#include "engine/qcow2/bytes.h"

namespace engine::qcow2 {

bool BitmapTableEntry::valid(ByteCount cluster_size) const {
  if (!is_data()) return is_all_zero() || is_all_one();
  return raw_ == offset().value / cluster_size.value * cluster_size.value;
}

std::vector<BitmapTableEntry> decode_bitmap_table(std::span<const std::byte> bytes) {
  std::vector<BitmapTableEntry> table;
  table.reserve(bytes.size() / sizeof(std::uint64_t));
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
    table.emplace_back(load_big<std::uint64_t>(bytes.data() + at));
  }
  return table;
}

std::vector<std::byte> encode_bitmap_table(const std::vector<BitmapTableEntry>& table) {
  std::vector<std::byte> bytes(table.size() * sizeof(std::uint64_t));
  std::byte* at = bytes.data();
  for (BitmapTableEntry entry : table) {
    store_big<std::uint64_t>(at, entry.raw());
    at += sizeof(std::uint64_t);
  }
  return bytes;
}

}  // namespace engine::qcow2
