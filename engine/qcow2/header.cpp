// SPDX-License-Identifier: MIT
#include "engine/qcow2/header.h"

#include <algorithm>
#include <cerrno>

#include "engine/check.h"
#include "engine/error.h"
#include "engine/qcow2/bitmap_directory.h"
#include "engine/qcow2/bytes.h"
#include "engine/qcow2/header_limits.h"

namespace engine::qcow2 {

namespace {

/// Where the fields lie that a codec needs one by one.
constexpr std::size_t backing_file_at = 8;
constexpr std::size_t header_length_at = 100;
constexpr std::size_t compression_type_at = 104;

/// One numeric field: its place, and its value in a Header. `visit` names each field once, for
/// decoding and encoding alike.
template <class Visitor, class HeaderType>
void visit_v2_fields(HeaderType& h, Visitor visit) {
  visit(4, h.version);
  visit(20, h.cluster_bits);
  visit(24, h.size.value);
  visit(32, h.crypt_method);
  visit(36, h.l1_size);
  visit(40, h.l1_table_offset.value);
  visit(48, h.refcount_table_offset.value);
  visit(56, h.refcount_table_clusters);
  visit(60, h.nb_snapshots);
  visit(64, h.snapshots_offset.value);
}
template <class Visitor, class HeaderType>
void visit_v3_fields(HeaderType& h, Visitor visit) {
  visit(72, h.incompatible_features);
  visit(80, h.compatible_features);
  visit(88, h.autoclear_features);
  visit(96, h.refcount_order);
  visit(header_length_at, h.header_length);
}

/// Stores fields into bytes.
struct Store {
  std::byte* to;
  template <class T>
  void operator()(std::size_t at, T value) const {
    store_big<T>(to + at, value);
  }
};
/// Loads fields from bytes.
struct Load {
  const std::byte* from;
  template <class T>
  void operator()(std::size_t at, T& value) const {
    value = load_big<T>(from + at);
  }
};

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
void append_text(std::vector<std::byte>& to, const std::string& text) {
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  to.insert(to.end(), bytes, bytes + text.size());
}

void decode_fixed_part(Header& header, std::span<const std::byte> bytes) {
  if (load_big<std::uint32_t>(bytes.data()) != Header::magic)
    throw Refusal("Image is not in qcow2 format");
  header.version = load_big<std::uint32_t>(bytes.data() + 4);
  check_version(header);
  visit_v2_fields(header, Load{bytes.data()});
  check_cluster_bits(header);
  header.header_length = Header::v2_length;
  if (header.version >= 3) visit_v3_fields(header, Load{bytes.data()});
  check_header_length(header);
  if (header.header_length > compression_type_at)
    header.compression_type = load_big<std::uint8_t>(bytes.data() + compression_type_at);
  if (header.header_length > Header::v3_length) {
    const auto rest = bytes.first(header.header_length).subspan(Header::v3_length);
    header.unknown_fields.assign(rest.begin(), rest.end());
  }
}

void decode_bitmaps(Header& header, std::span<const std::byte> data) {
  if (data.size() != 24) throw Refusal("bitmaps_ext: Invalid extension length");
  const bool valid = (header.autoclear_features & autoclear::bitmaps) != 0;
  if (valid && load_big<std::uint32_t>(data.data() + 4) != 0)
    throw Refusal("bitmaps_ext: Reserved field is not zero");
  BitmapsExtension bitmaps;
  bitmaps.nb_bitmaps = load_big<std::uint32_t>(data.data());
  bitmaps.directory_size.value = load_big<std::uint64_t>(data.data() + 8);
  bitmaps.directory_offset.value = load_big<std::uint64_t>(data.data() + 16);
  if (valid) check_bitmaps_extension(bitmaps, header.cluster_size());
  header.bitmaps = bitmaps;
}

void take_extension(Header& header, std::uint32_t type, std::span<const std::byte> data) {
  if (type == extension_type::backing_format) {
    if (data.size() >= 16)
      throw Refusal("ERROR: ext_backing_format: len=" + std::to_string(data.size()) +
                    " too large (>=16)");
    header.backing_format = text_of(data);
  } else if (type == extension_type::bitmaps) {
    decode_bitmaps(header, data);
  } else {
    HeaderExtension extension{type, {data.begin(), data.end()}};
    header.extensions.push_back(std::move(extension));
  }
}

/// Extensions lie between the header and the backing file name, or the end of the cluster.
void decode_extensions(Header& header, std::span<const std::byte> bytes, std::uint64_t end) {
  std::uint64_t at = header.header_length;
  while (at + 8 <= end) {
    const auto type = load_big<std::uint32_t>(bytes.data() + at);
    const auto length = load_big<std::uint32_t>(bytes.data() + at + 4);
    at += 8;
    if (length > end - at) throw Refusal("Header extension too large");
    if (type == extension_type::end) return;
    INVARIANT(length <= bytes.size() - at);
    take_extension(header, type, bytes.subspan(at, length));
    at = round_up(at + length, 8);
  }
}

/// The header with the extensions as far as they can be read: they may name its features.
Header with_feature_names(Header header, std::span<const std::byte> bytes, std::uint64_t end) {
  if ((header.incompatible_features & ~incompatible::known) == 0) return header;
  try {
    decode_extensions(header, bytes, end);
  } catch (const Refusal&) {  // told later, if this is not the worst
  }
  return header;
}

void append_extension(std::vector<std::byte>& to, std::uint32_t type,
                      std::span<const std::byte> data) {
  std::byte head[8];
  store_big<std::uint32_t>(head, type);
  store_big<std::uint32_t>(head + 4, static_cast<std::uint32_t>(data.size()));
  to.insert(to.end(), head, head + sizeof head);
  to.insert(to.end(), data.begin(), data.end());
  to.resize(round_up(to.size(), 8));
}

void append_extensions(std::vector<std::byte>& to, const Header& header) {
  if (!header.backing_format.empty())
    append_extension(to, extension_type::backing_format,
                     std::as_bytes(std::span(header.backing_format)));
  for (const HeaderExtension& extension : header.extensions)
    append_extension(to, extension.type, extension.data);
  if (header.bitmaps) {
    std::byte data[24] = {};
    store_big<std::uint32_t>(data, header.bitmaps->nb_bitmaps);
    store_big<std::uint64_t>(data + 8, header.bitmaps->directory_size.value);
    store_big<std::uint64_t>(data + 16, header.bitmaps->directory_offset.value);
    append_extension(to, extension_type::bitmaps, data);
  }
  append_extension(to, extension_type::end, {});
}

std::vector<std::byte> encode_fixed_part(const Header& header) {
  std::vector<std::byte> bytes(header.header_length);
  store_big<std::uint32_t>(bytes.data(), Header::magic);
  visit_v2_fields(header, Store{bytes.data()});
  if (header.version >= 3) visit_v3_fields(header, Store{bytes.data()});
  if (header.header_length > compression_type_at)
    store_big<std::uint8_t>(bytes.data() + compression_type_at, header.compression_type);
  if (header.header_length > Header::v3_length)
    std::copy_n(header.unknown_fields.begin(),
                std::min<std::size_t>(header.unknown_fields.size(),
                                      header.header_length - Header::v3_length),
                bytes.begin() + Header::v3_length);
  return bytes;
}

/// Whether the extensions and the name of the backing file lie in the first bytes of the cluster.
bool ends_within(std::span<const std::byte> first_bytes, std::uint64_t cluster_size) {
  const std::uint64_t size = first_bytes.size();
  const auto name_at = load_big<std::uint64_t>(first_bytes.data() + backing_file_at);
  const auto name_length = load_big<std::uint32_t>(first_bytes.data() + backing_file_at + 8);
  if (name_at > size || name_length > size - name_at) return false;
  const std::uint64_t end = name_at != 0 ? name_at : cluster_size;
  const bool v2 = load_big<std::uint32_t>(first_bytes.data() + 4) < 3;
  std::uint64_t at =
      v2 ? Header::v2_length : load_big<std::uint32_t>(first_bytes.data() + header_length_at);
  while (at + 8 <= end) {
    if (at + 8 > size) return false;
    if (load_big<std::uint32_t>(first_bytes.data() + at) == extension_type::end) return true;
    at = round_up(at + 8 + load_big<std::uint32_t>(first_bytes.data() + at + 4), 8);
  }
  return at <= size;
}

/// What lies beyond the end of the file reads as zeros.
std::vector<std::byte> padded(std::span<const std::byte> beginning) {
  std::vector<std::byte> bytes(std::max(beginning.size(), first_header_bytes));
  std::ranges::copy(beginning, bytes.begin());
  bytes.resize(std::max(bytes.size(), header_bytes_needed(bytes).value));
  return bytes;
}

}  // namespace

Header decode_header(std::span<const std::byte> beginning, OpenFor purpose) {
  const std::vector<std::byte> bytes = padded(beginning);
  Header header;
  decode_fixed_part(header, bytes);
  const auto name_at = load_big<std::uint64_t>(bytes.data() + backing_file_at);
  const auto name_length = load_big<std::uint32_t>(bytes.data() + backing_file_at + 8);
  const std::uint64_t cluster_size = header.cluster_size().value;
  if (name_at > cluster_size) throw Refusal("Invalid backing file offset");
  const std::uint64_t extensions_end = name_at != 0 ? name_at : cluster_size;
  check_features(with_feature_names(header, bytes, extensions_end), purpose);
  check_tables(header, purpose);
  decode_extensions(header, bytes, extensions_end);
  if (name_at != 0) {
    const std::uint64_t room = cluster_size - name_at;
    if (name_length > std::min<std::uint64_t>(Header::max_backing_file_length, room))
      throw Refusal("Backing file name too long");
    INVARIANT(name_at + name_length <= bytes.size());
    header.backing_file = text_of(std::span(bytes).subspan(name_at, name_length));
  }
  return header;
}

ByteCount header_bytes_needed(std::span<const std::byte> first_bytes) {
  const ByteCount first{first_bytes.size()};
  INVARIANT(first.value >= first_header_bytes);
  const auto cluster_bits = load_big<std::uint32_t>(first_bytes.data() + 20);
  if (cluster_bits < min_cluster_bits || cluster_bits > max_cluster_bits) return first;
  const std::uint64_t cluster_size = std::uint64_t{1} << cluster_bits;
  return ends_within(first_bytes, cluster_size) ? first : ByteCount{cluster_size};
}

std::vector<std::byte> encode_header(const Header& header) {
  if (header.backing_file.size() > Header::max_backing_file_length) throw IoError(EINVAL);
  std::vector<std::byte> bytes = encode_fixed_part(header);
  append_extensions(bytes, header);
  if (!header.backing_file.empty()) {
    store_big<std::uint64_t>(bytes.data() + backing_file_at, bytes.size());
    store_big<std::uint32_t>(bytes.data() + backing_file_at + 8,
                             static_cast<std::uint32_t>(header.backing_file.size()));
    append_text(bytes, header.backing_file);
  }
  if (bytes.size() > header.cluster_size().value) throw IoError(ENOSPC);
  return bytes;
}

}  // namespace engine::qcow2
