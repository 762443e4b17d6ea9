// SPDX-License-Identifier: MIT
#include "engine/qcow2/check_walk.h"

#include <algorithm>
#include <cerrno>

#include "engine/error.h"
#include "engine/qcow2/bitmap_table.h"
#include "engine/qcow2/bytes.h"
#include "engine/qcow2/corruption.h"
#include "engine/qcow2/header_limits.h"
#include "engine/qcow2/refcount_codec.h"

namespace engine::qcow2 {
std::string plain_hex(std::uint64_t value) {
  const std::string text = hex(value);
  return text.starts_with("0x") ? text.substr(2) : text;
}

CheckWalk::CheckWalk(io::Storage& file, const Header& header, CheckReport& report)
    : file_(file),
      header_(header),
      report_(report),
      geometry_(header.cluster_bits, header.refcount_order),
      file_size_{round_up(file.size().value, sector_size)},
      clusters_end_{geometry_.clusters_for(file_size_)},
      active_l1_{header.l1_table_offset, header.l1_size},
      refcount_table_{header.refcount_table_offset,
                      (header.cluster_size() * header.refcount_table_clusters).value / entry_bytes},
      counts_(RefcountCodec(header.refcount_order).max()) {}

io::Task<std::vector<std::byte>> CheckWalk::read(HostOffset offset, std::uint64_t size) {
  std::vector<std::byte> bytes(size);
  if (!can_be_read(offset, {size})) throw IoError(EIO, "Check failed");
  const std::span<std::byte> buffer(bytes);
  co_await file_.read(offset, buffer);
  co_return bytes;
}

CheckWalk::Table CheckWalk::within_file(Table table) const {
  if (!can_be_read(table.place, {table.entries * entry_bytes})) {
    throw IoError(EIO, "Check failed");
  }
  const std::uint64_t start = std::min(table.place.value, file_size_.value);
  table.entries = std::min(table.entries, units_for(file_size_.value - start, entry_bytes));
  return table;
}

CheckWalk::Table CheckWalk::l2_table(HostOffset place) const {
  return within_file({place, geometry_.cluster_size().value / entry_bytes});
}

io::Task<std::vector<CheckWalk::Filled>> CheckWalk::read_slice(const Table& table,
                                                               std::uint64_t first) {
  const HostOffset place{table.place.value + first * entry_bytes};
  const ByteCount length{std::min(slice_entries, table.entries - first) * entry_bytes};
  const std::uint64_t count =
      (file_.before_hole(place, length).value + entry_bytes - 1) / entry_bytes;
  if (count == 0) co_return std::vector<Filled>();
  TableEntries entries(count);
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(entries));
  co_await file_.read(place, bytes);
  numbers_from_big(entries);
  std::vector<Filled> filled;
  for (std::uint64_t i = 0; (i = next_filled(entries, i)) < count; ++i) {
    filled.push_back({first + i, entries[i]});
  }
  co_return filled;
}

bool CheckWalk::beyond_end(HostOffset offset, std::uint64_t size) const {
  const std::uint64_t allowed = file_size_.value + geometry_.cluster_size().value - 1;
  return offset.value > allowed || size > allowed - offset.value;
}

void CheckWalk::refer(HostOffset offset, std::uint64_t size, std::uint64_t references) {
  if (size == 0) return;
  if (beyond_end(offset, size)) {
    return report_.corrupt(
        "ERROR: counting reference for region exceeding the end of the file by one cluster or "
        "more: offset " +
            hex(offset.value) + " size " + hex(size),
        references);
  }
  const HostRun run = geometry_.touched(offset, {size});
  for (HostCluster at = run.first; at < run.end(); at = at + 1) {
    const std::uint64_t too_many = counts_.add(at, references);
    const std::uint64_t place = geometry_.start(at).value;
    if (too_many != 0) report_.corrupt("ERROR: overflow cluster offset=" + hex(place), too_many);
  }
  clusters_end_ = std::max(clusters_end_, run.end());
}

io::Task<void> CheckWalk::count_bitmaps() {
  const bool valid = (header_.autoclear_features & autoclear::bitmaps) != 0;
  if (!header_.bitmaps || !valid) co_return;
  const BitmapsExtension extension = *header_.bitmaps;
  const ByteCount size = extension.directory_size;
  refer(extension.directory_offset, size.value, 1);
  const std::vector<std::byte> bytes = co_await read(extension.directory_offset, size.value);
  const BitmapLimits limits{geometry_.cluster_size(), header_.size};
  const std::vector<BitmapDirectoryEntry> directory =
      decode_bitmap_directory(bytes, extension.nb_bitmaps, limits);
  for (const BitmapDirectoryEntry& entry : directory) co_await count_bitmap(entry);
}

io::Task<void> CheckWalk::count_bitmap(const BitmapDirectoryEntry& entry) {
  const Table whole{entry.table_offset, entry.table_entries};
  refer(whole, 1);
  const Table table = within_file(whole);
  for (std::uint64_t first = 0; first < table.entries; first += slice_entries) {
    const std::vector<Filled> slice = co_await read_slice(table, first);
    for (const auto& [index, raw] : slice) {
      const BitmapTableEntry cluster(raw);
      if (!cluster.valid(geometry_.cluster_size())) {
        throw IoError(EINVAL, "Check failed");
      }
      if (cluster.is_data()) refer(cluster.offset(), geometry_.cluster_size().value, 1);
    }
  }
}

}  // namespace engine::qcow2
