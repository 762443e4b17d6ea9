// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/io/units.h"
#include "engine/qcow2/header.h"

namespace engine::qcow2 {

/// What QEMU sets as limits to the bitmaps of an image (S8).
inline constexpr std::uint64_t max_bitmaps = 65535;
inline constexpr ByteCount max_bitmap_directory_bytes{65535 * 1024};
inline constexpr std::size_t max_bitmap_name_length = 1023;
/// Of the clusters that hold the bits of one bitmap.
inline constexpr ByteCount max_bitmap_bytes{512 << 20};

/// Flags of a directory entry; all others are reserved.
namespace bitmap_flag {
inline constexpr std::uint32_t in_use = 1 << 0;       ///< contents in the image are out of date
inline constexpr std::uint32_t auto_record = 1 << 1;  ///< records writes from the start
inline constexpr std::uint32_t known = in_use | auto_record;
}  // namespace bitmap_flag

/// An entry of the bitmap directory. All numbers are big-endian:
///
///     byte  0  bitmap table offset       byte 16  type, 1: dirty tracking
///           8  bitmap table entries           17  log2 of the granularity
///          12  flags                          18  name length
///          20  extra data length: 0           24  the name, zeros up to a multiple of 8
struct BitmapDirectoryEntry {
  static constexpr std::size_t fixed_bytes = 24;
  static constexpr std::uint8_t dirty_tracking = 1;

  HostOffset table_offset;
  std::uint32_t table_entries = 0;
  std::uint32_t flags = 0;
  std::uint8_t type = dirty_tracking;
  std::uint8_t granularity_bits = 0;
  std::string name;

  bool in_use() const { return (flags & bitmap_flag::in_use) != 0; }
  bool auto_record() const { return (flags & bitmap_flag::auto_record) != 0; }
  /// How long the entry is in the file, padding included.
  ByteCount encoded_size() const { return encoded_size(name.size()); }
  static ByteCount encoded_size(std::size_t name_length);
  friend bool operator==(const BitmapDirectoryEntry&, const BitmapDirectoryEntry&) = default;
};

/// What an image's bitmaps have to fit.
struct BitmapLimits {
  ByteCount cluster_size;
  ByteCount disk_size;
};

/// Checks the header extension of the bitmaps, so that the directory may be read: throws Refusal in
/// QEMU's words.
void check_bitmaps_extension(const BitmapsExtension& extension, ByteCount cluster_size);

/// Decodes a directory that must fill `bytes` with exactly `nb_bitmaps` entries. Throws Refusal in
/// QEMU's words for what is broken, unknown or beyond the limits (S53, S55). A name ends at its
/// first zero byte, as it does in QEMU.
std::vector<BitmapDirectoryEntry> decode_bitmap_directory(std::span<const std::byte> bytes,
                                                          std::uint32_t nb_bitmaps,
                                                          const BitmapLimits& limits);

/// The bytes of a directory.
std::vector<std::byte> encode_bitmap_directory(const std::vector<BitmapDirectoryEntry>& entries);

/// Sets IN_USE, in the encoded directory, in the entries with these names. Whether any of them had
/// not had it. Requires bytes that decode_bitmap_directory took.
bool set_in_use(std::span<std::byte> bytes, const std::vector<std::string>& names);

/// How many table entries, each for a cluster of bits, a bitmap takes.
std::uint64_t bitmap_table_entries(ByteCount disk_size, std::uint64_t granularity,
                                   ByteCount cluster_size);

}  // namespace engine::qcow2
