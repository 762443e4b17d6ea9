// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>
#include <cerrno>

#include "engine/error.h"
#include "engine/qcow2/bytes.h"
#include "engine/qcow2/geometry.h"
#include "engine/qcow2/header.h"
#include "engine/qcow2/header_limits.h"
#include "engine/qcow2/image.h"
#include "engine/qcow2/refcount_codec.h"

namespace engine::qcow2 {

namespace {

/// Where the tables of an empty image lie, one after the other, in clusters.
struct Layout {
  std::uint64_t refcount_table = 1;  ///< how many
  std::uint64_t refcount_blocks = 1;
  std::uint64_t l1 = 1;
  std::uint64_t first_block() const { return 1 + refcount_table; }
  std::uint64_t first_l1() const { return first_block() + refcount_blocks; }
  std::uint64_t total() const { return first_l1() + l1; }
};

void check_widths(const CreateOptions& options) {
  const std::uint64_t cluster_size = options.cluster_size.value;
  if (!is_power_of_two(cluster_size) || cluster_size < std::uint64_t{1} << min_cluster_bits ||
      cluster_size > std::uint64_t{1} << max_cluster_bits)
    throw Refusal("Cluster size must be a power of two between 512 and 2048k");
  if (!is_power_of_two(options.refcount_bits) || options.refcount_bits > 64)
    throw Refusal("Refcount width must be a power of two and may not exceed 64 bits");
  if (options.version < 3 && options.refcount_bits != 16)
    throw Refusal(
        "Different refcount widths than 16 bits require compatibility level 1.1 or above (use "
        "version=v3 or greater)");
}

unsigned bits_of(std::uint64_t power_of_two) {
  return static_cast<unsigned>(std::countr_zero(power_of_two));
}

Header header_for(const CreateOptions& options) {
  Header header;
  header.version = options.version;
  header.header_length = options.version >= 3 ? Header::v3_length : Header::v2_length;
  header.cluster_bits = bits_of(options.cluster_size.value);
  header.refcount_order = bits_of(options.refcount_bits);
  header.size = {round_up(options.size.value, sector_size)};
  header.backing_file = options.backing_file;
  header.backing_format = options.backing_format;
  // As in QEMU: in small clusters the names would take the room of other extensions.
  if (options.version >= 3 && options.cluster_size.value > 4096)
    header.extensions.push_back(feature_name_table());
  return header;
}

/// Blocks count themselves and the table that points to them, so their number is tried upwards.
Layout layout_for(const Geometry& geometry, std::uint64_t l1_entries) {
  Layout layout;
  layout.l1 = geometry.clusters_for({l1_entries * 8});
  for (;;) {
    const std::uint64_t blocks = units_for(layout.total(), geometry.refcounts_per_block());
    const std::uint64_t table = geometry.clusters_for({blocks * 8});
    if (blocks == layout.refcount_blocks && table == layout.refcount_table) return layout;
    layout.refcount_blocks = std::max(layout.refcount_blocks, blocks);
    layout.refcount_table = std::max(layout.refcount_table, table);
  }
}

/// The refcount table, as far as it is not zeros, in sectors.
std::vector<std::byte> encode_refcount_table(const Geometry& geometry, const Layout& layout) {
  std::vector<std::byte> bytes(round_up(layout.refcount_blocks * 8, sector_size));
  for (std::uint64_t i = 0; i < layout.refcount_blocks; ++i) {
    store_big<std::uint64_t>(bytes.data() + i * 8,
                             geometry.start(HostCluster{layout.first_block() + i}).value);
  }
  return bytes;
}

/// The refcount blocks one after the other, as far as they are not zeros, in sectors.
std::vector<std::byte> encode_refcount_blocks(const Geometry& geometry, const Layout& layout) {
  const RefcountCodec codec(geometry.refcount_order());
  const std::uint64_t size = codec.bytes_of(0, layout.total()).end;
  std::vector<std::byte> bytes(round_up(size, sector_size));
  for (std::uint64_t cluster = 0; cluster < layout.total(); ++cluster)
    codec.set(bytes.data(), cluster, 1);
  return bytes;
}

}  // namespace

void check_options(const CreateOptions& options) {
  check_widths(options);
  if (options.backing_file.size() > Header::max_backing_file_length) throw IoError(EINVAL);
  if (l1_entries_for(options.size, bits_of(options.cluster_size.value)) > max_l1_bytes.value / 8)
    throw Refusal(
        "The image size is too large for file format 'qcow2' (try using a larger cluster size)");
}

io::Task<void> create(io::Storage& file, const CreateOptions& options) {
  check_options(options);
  Header header = header_for(options);
  const Geometry geometry(header.cluster_bits, header.refcount_order);
  const std::uint64_t l1_entries = l1_entries_for(header.size, header.cluster_bits);
  header.l1_size = static_cast<std::uint32_t>(std::max<std::uint64_t>(l1_entries, 1));
  const Layout layout = layout_for(geometry, header.l1_size);
  header.refcount_table_offset = geometry.start(HostCluster{1});
  header.refcount_table_clusters = static_cast<std::uint32_t>(layout.refcount_table);
  header.l1_table_offset = geometry.start(HostCluster{layout.first_l1()});

  const std::vector<std::byte> head = encode_header(header);
  const std::vector<std::byte> table = encode_refcount_table(geometry, layout);
  const std::vector<std::byte> blocks = encode_refcount_blocks(geometry, layout);
  const ByteCount whole = geometry.cluster_size() * layout.total();
  const std::span<const std::byte> table_bytes(table), block_bytes(blocks), header_bytes(head);
  const HostOffset start{0}, first_block = geometry.start(HostCluster{layout.first_block()});
  // The header comes last: before it is there the file is no image at all.
  co_await file.resize(whole);
  co_await file.write(header.refcount_table_offset, table_bytes);
  co_await file.write(first_block, block_bytes);
  co_await file.flush();
  co_await file.write(start, header_bytes);
  co_await file.flush();
}

}  // namespace engine::qcow2
