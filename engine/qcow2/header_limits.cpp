// SPDX-License-Identifier: MIT
#include "engine/qcow2/header_limits.h"

#include <cerrno>
#include <cstring>
#include <limits>
#include <span>
#include <string>

#include "engine/error.h"
#include "engine/qcow2/bytes.h"
#include "engine/qcow2/corruption.h"

namespace engine::qcow2 {

namespace {

constexpr std::size_t feature_entry_bytes = 48;
enum class FeatureKind : std::uint8_t { incompatible = 0, compatible = 1, autoclear = 2 };

struct KnownFeature {
  FeatureKind kind;
  std::uint8_t bit;
  const char* name;
};
constexpr KnownFeature known_features[] = {
    {FeatureKind::incompatible, 0, "dirty bit"},
    {FeatureKind::incompatible, 1, "corrupt bit"},
    {FeatureKind::incompatible, 2, "external data file"},
    {FeatureKind::incompatible, 3, "compression type"},
    {FeatureKind::incompatible, 4, "extended L2 entries"},
    {FeatureKind::compatible, 0, "lazy refcounts"},
    {FeatureKind::autoclear, 0, "bitmaps"},
    {FeatureKind::autoclear, 1, "raw external data"},
};

/// The names that the image itself gives to some of these incompatible features, in the order in
/// which it has them. Those that it names are taken out of `features`.
std::string take_named(const Header& header, std::uint64_t& features) {
  std::string names;
  for (const HeaderExtension& extension : header.extensions) {
    if (extension.type != extension_type::feature_names) continue;
    std::span<const std::byte> rest = extension.data;
    for (; rest.size() >= feature_entry_bytes; rest = rest.subspan(feature_entry_bytes)) {
      // As the processors do it on which QEMU runs.
      const std::uint64_t mask = std::uint64_t{1} << (std::to_integer<unsigned>(rest[1]) % 64);
      if (FeatureKind(rest[0]) != FeatureKind::incompatible || (features & mask) == 0) continue;
      const char* name = reinterpret_cast<const char*>(rest.data() + 2);
      if (!names.empty()) names += ", ";
      names += std::string(name, strnlen(name, feature_entry_bytes - 2));
      features &= ~mask;
    }
  }
  return names;
}

void refuse_unknown(const Header& header) {
  std::uint64_t unknown = header.incompatible_features & ~incompatible::known;
  if (unknown == 0) return;
  std::string names = take_named(header, unknown);
  if (unknown != 0) {
    if (!names.empty()) names += ", ";
    names += "Unknown incompatible feature: " + hex(unknown).substr(2);
  }
  throw Refusal("Unsupported qcow2 feature(s): " + names);
}

void check_compression_type(const Header& header) {
  if (header.compression_type > 1)
    throw Refusal("qcow2: unknown compression type: " + std::to_string(header.compression_type));
  if (header.has(incompatible::compression_type) && header.compression_type == 0)
    throw Refusal("qcow2: Compression type incompatible feature bit must not be set");
  if (!header.has(incompatible::compression_type) && header.compression_type != 0)
    throw Refusal("qcow2: Compression type incompatible feature bit must be set");
}

/// A table must start at a cluster and end within what a signed 64-bit offset can name.
void check_place(const Header& header, HostOffset offset, ByteCount bytes,
                 const std::string& text) {
  constexpr std::uint64_t limit = std::numeric_limits<std::int64_t>::max();
  const bool aligned = offset.value % header.cluster_size().value == 0;
  if (!aligned || offset.value > limit - bytes.value) throw Refusal(text);
}

void check_l1(const Header& header) {
  if (header.l1_size > max_l1_bytes.value / 8) throw Refusal("Active L1 table too large");
  check_place(header, header.l1_table_offset, {header.l1_size * std::uint64_t{8}},
              "Active L1 table offset invalid");
  const std::uint64_t needed = l1_entries_for(header.size, header.cluster_bits);
  if (needed > std::numeric_limits<std::int32_t>::max()) throw Refusal("Image is too big");
  if (header.l1_size < needed) throw Refusal("L1 table is too small");
  if (header.size.value > std::numeric_limits<std::int64_t>::max())
    throw IoError(EFBIG, "Could not refresh total sector count");
}

}  // namespace

void check_version(const Header& header) {
  if (header.version != 2 && header.version != 3)
    throw Refusal("Unsupported qcow2 version " + std::to_string(header.version));
}

void check_cluster_bits(const Header& header) {
  if (header.cluster_bits < min_cluster_bits || header.cluster_bits > max_cluster_bits)
    throw Refusal("Unsupported cluster size: 2^" + std::to_string(header.cluster_bits));
}

void check_header_length(const Header& header) {
  if (header.version >= 3 && header.header_length < Header::v3_min_length)
    throw Refusal("qcow2 header too short");
  if (header.header_length > header.cluster_size().value)
    throw Refusal("qcow2 header exceeds cluster size");
}

void check_features(const Header& header, OpenFor purpose) {
  check_compression_type(header);
  refuse_unknown(header);
  if (purpose == OpenFor::writing && header.has(incompatible::corrupt))
    throw Refusal("qcow2: Image is corrupt; cannot be opened read/write");
  if (header.refcount_order > 6)
    throw Refusal("Reference count entry width too large; may not exceed 64 bits");
  if (header.crypt_method > 2)
    throw Refusal("Unsupported encryption method " +
                  std::to_string(static_cast<std::int32_t>(header.crypt_method)));
  if (header.crypt_method != 0) throw Refusal("Encrypted qcow2 images are not supported");
}

void check_snapshot_table(const Header& header, const std::string& name) {
  if (header.nb_snapshots > max_snapshots) throw Refusal(name + " too large");
  check_place(header, header.snapshots_offset, {header.nb_snapshots * snapshot_fixed_bytes},
              name + " offset invalid");
}

void check_tables(const Header& header, OpenFor purpose) {
  if (header.refcount_table_clusters > max_refcount_table_bytes.value >> header.cluster_bits)
    throw Refusal("Reference count table too large");
  if (header.refcount_table_clusters == 0 && purpose != OpenFor::check)
    throw Refusal("Image does not contain a reference count table");
  const ByteCount table = header.cluster_size() * header.refcount_table_clusters;
  check_place(header, header.refcount_table_offset, table, "Reference count table offset invalid");
  if (purpose != OpenFor::check) check_snapshot_table(header, "Snapshot table");
  check_l1(header);
}

std::uint64_t l1_entries_for(ByteCount size, std::uint32_t cluster_bits) {
  const unsigned shift = cluster_bits + cluster_bits - 3;
  return (size.value + (std::uint64_t{1} << shift) - 1) >> shift;
}

HeaderExtension feature_name_table() {
  HeaderExtension extension{extension_type::feature_names, {}};
  extension.data.resize(std::size(known_features) * feature_entry_bytes);
  std::byte* entry = extension.data.data();
  for (const KnownFeature& feature : known_features) {
    entry[0] = std::byte(feature.kind);
    entry[1] = std::byte(feature.bit);
    std::memcpy(entry + 2, feature.name, std::strlen(feature.name));
    entry += feature_entry_bytes;
  }
  return extension;
}

}  // namespace engine::qcow2
