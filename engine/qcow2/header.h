// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/io/units.h"
#include "engine/qcow2/open_for.h"

namespace engine::qcow2 {

/// Bits of Header::incompatible_features. A reader that does not know one must not open the image.
namespace incompatible {
inline constexpr std::uint64_t dirty = 1 << 0;             ///< refcounts may be wrong
inline constexpr std::uint64_t corrupt = 1 << 1;           ///< metadata is broken: no writing
inline constexpr std::uint64_t compression_type = 1 << 3;  ///< not zlib
/// Neither external data (bit 2) nor extended L2 entries (bit 4).
inline constexpr std::uint64_t known = dirty | corrupt | compression_type;
}  // namespace incompatible

/// Bits of Header::autoclear_features. A writer that does not know one clears it.
namespace autoclear {
inline constexpr std::uint64_t bitmaps = 1 << 0;       ///< the bitmaps extension is consistent
inline constexpr std::uint64_t raw_external = 1 << 1;  ///< the data file reads as a raw image
inline constexpr std::uint64_t known = (1 << 2) - 1;
}  // namespace autoclear

/// Types of header extensions (specification, "Header extensions").
namespace extension_type {
inline constexpr std::uint32_t end = 0;
inline constexpr std::uint32_t backing_format = 0xE2792ACA;
inline constexpr std::uint32_t feature_names = 0x6803f857;
inline constexpr std::uint32_t bitmaps = 0x23852875;
inline constexpr std::uint32_t encryption = 0x0537be77;
inline constexpr std::uint32_t data_file = 0x44415441;
}  // namespace extension_type

/// A header extension as it lies in the file, without the padding to eight bytes.
struct HeaderExtension {
  std::uint32_t type = 0;
  std::vector<std::byte> data;
  friend bool operator==(const HeaderExtension&, const HeaderExtension&) = default;
};

/// The bitmaps extension: where the bitmap directory lies.
struct BitmapsExtension {
  std::uint32_t nb_bitmaps = 0;
  ByteCount directory_size;
  HostOffset directory_offset;
  friend bool operator==(const BitmapsExtension&, const BitmapsExtension&) = default;
};

/// The header of an image and its extensions, decoded; FORMAT.md shows the bytes. For version 2 the
/// fields from incompatible_features on have the values that the specification gives it.
struct Header {
  static constexpr std::uint32_t magic = 0x514649fb;
  static constexpr std::uint32_t v2_length = 72;
  static constexpr std::uint32_t v3_min_length = 104;
  static constexpr std::uint32_t v3_length = 112;
  static constexpr std::size_t max_backing_file_length = 1023;

  std::uint32_t version = 3;
  std::string backing_file;  ///< empty: none
  std::uint32_t cluster_bits = 16;
  ByteCount size;  ///< of the disk that the guest sees
  std::uint32_t crypt_method = 0;
  std::uint32_t l1_size = 0;  ///< entries
  HostOffset l1_table_offset;
  HostOffset refcount_table_offset;
  std::uint32_t refcount_table_clusters = 0;
  std::uint32_t nb_snapshots = 0;
  HostOffset snapshots_offset;
  std::uint64_t incompatible_features = 0;
  std::uint64_t compatible_features = 0;
  std::uint64_t autoclear_features = 0;
  std::uint32_t refcount_order = 4;
  std::uint32_t header_length = v3_length;
  std::uint8_t compression_type = 0;
  /// Bytes of the header from 112 on, which only a later format would know; kept.
  std::vector<std::byte> unknown_fields;

  /// Empty: none recorded.
  std::string backing_format;
  /// The bitmaps extension, whatever the autoclear bit says; who reads it checks the bit.
  std::optional<BitmapsExtension> bitmaps;
  /// All other extensions in the order of the file, kept when the header is written.
  std::vector<HeaderExtension> extensions;

  ByteCount cluster_size() const { return {std::uint64_t{1} << cluster_bits}; }
  unsigned refcount_bits() const { return 1U << refcount_order; }
  bool has(std::uint64_t incompatible_bit) const {
    return (incompatible_features & incompatible_bit) != 0;
  }
  friend bool operator==(const Header&, const Header&) = default;
};

/// So many bytes hold the header of most images.
inline constexpr std::size_t first_header_bytes = 4096;

/// Decodes a header from the beginning of a file: so much as header_bytes_needed says, or all of a
/// shorter file. Checks everything that can be checked without looking elsewhere: throws Refusal in
/// QEMU's words for what is no qcow2 header, for unknown incompatible features and for tables whose
/// size or place is impossible, so that memory for them may be allocated.
Header decode_header(std::span<const std::byte> beginning, OpenFor purpose = OpenFor::use);

/// How many bytes of the file decode_header needs to see: the first bytes (first_header_bytes at
/// least; beyond the end of the file are zeros), if they have the whole header or are none; else
/// the first cluster.
ByteCount header_bytes_needed(std::span<const std::byte> first_bytes);

/// The bytes of the header, extensions and backing file name, without padding. Throws IoError
/// (ENOSPC) if they do not fit the first cluster, (EINVAL) if the name of the backing file is too
/// long.
std::vector<std::byte> encode_header(const Header& header);

/// The feature name table that new images carry, so that an older program can name what it lacks.
HeaderExtension feature_name_table();

}  // namespace engine::qcow2
