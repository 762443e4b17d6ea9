// SPDX-License-Identifier: MIT
#include "engine/qcow2/bitmap_directory.h"

#include <algorithm>

#include "engine/bitmap/granularity.h"
#include "engine/check.h"
#include "engine/error.h"
#include "engine/qcow2/bytes.h"

namespace engine::qcow2 {
namespace {

constexpr std::size_t table_offset_at = 0;
constexpr std::size_t table_entries_at = 8;
constexpr std::size_t flags_at = 12;
constexpr std::size_t type_at = 16;
constexpr std::size_t granularity_at = 17;
constexpr std::size_t name_length_at = 18;
constexpr std::size_t extra_length_at = 20;

/// Requires a whole entry, as long as entry_size says.
BitmapDirectoryEntry decode_entry(std::span<const std::byte> bytes) {
  BitmapDirectoryEntry entry;
  const std::byte* at = bytes.data();
  entry.table_offset.value = load_big<std::uint64_t>(at + table_offset_at);
  entry.table_entries = load_big<std::uint32_t>(at + table_entries_at);
  entry.flags = load_big<std::uint32_t>(at + flags_at);
  entry.type = load_big<std::uint8_t>(at + type_at);
  entry.granularity_bits = load_big<std::uint8_t>(at + granularity_at);
  const char* name = reinterpret_cast<const char*>(at + BitmapDirectoryEntry::fixed_bytes);
  entry.name.assign(name, load_big<std::uint16_t>(at + name_length_at));
  entry.name.resize(std::min(entry.name.size(), entry.name.find('\0')));
  return entry;
}

/// The length of the entry that starts here, of which at least the fixed part is there. Added up in
/// 32 bits with a sign, as QEMU does: extra data of 2 GiB and more is refused for being extra data.
std::int32_t entry_size(const std::byte* at) {
  const std::uint32_t name_length = load_big<std::uint16_t>(at + name_length_at);
  const std::uint32_t extra_length = load_big<std::uint32_t>(at + extra_length_at);
  const std::uint32_t size = BitmapDirectoryEntry::fixed_bytes + extra_length + name_length;
  return static_cast<std::int32_t>(round_up(size, 8));
}

/// Whether an entry could stand for a dirty bitmap of this disk.
bool fits(const BitmapDirectoryEntry& entry, std::size_t name_length, const BitmapLimits& limits) {
  const std::uint64_t table_offset = entry.table_offset.value;
  if (table_offset == 0 || table_offset % limits.cluster_size.value != 0) return false;
  if (entry.table_entries == 0 || name_length > max_bitmap_name_length) return false;
  if (entry.type != BitmapDirectoryEntry::dirty_tracking) return false;
  if ((entry.flags & ~bitmap_flag::known) != 0) return false;
  if (entry.granularity_bits > 31 ||
      !bitmap::Granularity::valid(std::uint64_t{1} << entry.granularity_bits)) {
    return false;
  }
  const ByteCount bits = limits.cluster_size * entry.table_entries;
  if (bits > max_bitmap_bytes) return false;
  // A bitmap in use may be as the disk was before it was resized.
  return entry.in_use() || limits.disk_size.value <= (bits.value * 8) << entry.granularity_bits;
}

void encode_entry(const BitmapDirectoryEntry& entry, std::byte* at) {
  INVARIANT(entry.name.size() <= max_bitmap_name_length);
  store_big<std::uint64_t>(at + table_offset_at, entry.table_offset.value);
  store_big<std::uint32_t>(at + table_entries_at, entry.table_entries);
  store_big<std::uint32_t>(at + flags_at, entry.flags);
  store_big<std::uint8_t>(at + type_at, entry.type);
  store_big<std::uint8_t>(at + granularity_at, entry.granularity_bits);
  store_big<std::uint16_t>(at + name_length_at, static_cast<std::uint16_t>(entry.name.size()));
  store_big<std::uint32_t>(at + extra_length_at, 0);
  std::memcpy(at + BitmapDirectoryEntry::fixed_bytes, entry.name.data(), entry.name.size());
}

}  // namespace

ByteCount BitmapDirectoryEntry::encoded_size(std::size_t name_length) {
  return {round_up(fixed_bytes + name_length, 8)};
}

void check_bitmaps_extension(const BitmapsExtension& extension, ByteCount cluster_size) {
  if (extension.nb_bitmaps == 0) throw Refusal("found bitmaps extension with zero bitmaps");
  if (extension.nb_bitmaps > max_bitmaps) {
    throw Refusal("bitmaps_ext: Image has " + std::to_string(extension.nb_bitmaps) +
                  " bitmaps, exceeding the QEMU supported maximum of " +
                  std::to_string(max_bitmaps));
  }
  if (extension.directory_offset.value % cluster_size.value != 0) {
    throw Refusal("bitmaps_ext: invalid bitmap directory offset");
  }
  if (extension.directory_size > max_bitmap_directory_bytes) {
    throw Refusal("bitmaps_ext: bitmap directory size (" +
                  std::to_string(extension.directory_size.value) +
                  ") exceeds the maximum supported size (" +
                  std::to_string(max_bitmap_directory_bytes.value) + ")");
  }
  if (extension.directory_size.value == 0) {
    throw Refusal("Requested bitmap directory size is zero");
  }
}

std::vector<BitmapDirectoryEntry> decode_bitmap_directory(std::span<const std::byte> bytes,
                                                          std::uint32_t nb_bitmaps,
                                                          const BitmapLimits& limits) {
  std::vector<BitmapDirectoryEntry> entries;
  while (!bytes.empty()) {
    if (bytes.size() < BitmapDirectoryEntry::fixed_bytes) throw Refusal("Broken bitmap directory");
    if (entries.size() == nb_bitmaps) {
      throw Refusal("More bitmaps found than specified in header extension");
    }
    const std::int64_t size = entry_size(bytes.data());
    if (size > std::ssize(bytes)) throw Refusal("Broken bitmap directory");
    if (load_big<std::uint32_t>(bytes.data() + extra_length_at) != 0) {
      throw Refusal("Bitmap extra data is not supported");
    }
    const std::uint16_t name_length = load_big<std::uint16_t>(bytes.data() + name_length_at);
    entries.push_back(decode_entry(bytes));
    if (!fits(entries.back(), name_length, limits)) {
      throw Refusal("Bitmap '" + entries.back().name + "' doesn't satisfy the constraints");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
  if (entries.size() != nb_bitmaps) {
    throw Refusal("Less bitmaps found than specified in header extension");
  }
  return entries;
}

std::vector<std::byte> encode_bitmap_directory(const std::vector<BitmapDirectoryEntry>& entries) {
  ByteCount size;
  for (const BitmapDirectoryEntry& entry : entries) size += entry.encoded_size();
  std::vector<std::byte> bytes(size.value);
  std::byte* at = bytes.data();
  for (const BitmapDirectoryEntry& entry : entries) {
    encode_entry(entry, at);
    at += entry.encoded_size().value;
  }
  return bytes;
}

bool set_in_use(std::span<std::byte> bytes, const std::vector<std::string>& names) {
  bool changed = false;
  while (!bytes.empty()) {
    const BitmapDirectoryEntry entry = decode_entry(bytes);
    if (!entry.in_use() && std::ranges::find(names, entry.name) != names.end()) {
      store_big<std::uint32_t>(bytes.data() + flags_at, entry.flags | bitmap_flag::in_use);
      changed = true;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(entry_size(bytes.data())));
  }
  return changed;
}

std::uint64_t bitmap_table_entries(ByteCount disk_size, std::uint64_t granularity,
                                   ByteCount cluster_size) {
  const std::uint64_t bytes = units_for(units_for(disk_size.value, granularity), 8);
  return units_for(bytes, cluster_size.value);
}

}  // namespace engine::qcow2
