// SPDX-License-Identifier: MIT
#include "engine/qcow2/check_walk.h"

#include <algorithm>
#include <limits>

#include "engine/error.h"
#include "engine/qcow2/bitmap_directory.h"
#include "engine/qcow2/bitmap_table.h"
#include "engine/qcow2/bytes.h"
#include "engine/qcow2/corruption.h"
#include "engine/qcow2/refcount_codec.h"

namespace engine::qcow2 {
namespace {

/// A refcount table entry: bits 9 to 63 are the place of a block, the others are reserved.
constexpr std::uint64_t block_place_mask = ~std::uint64_t{0x1ff};

}  // namespace

CheckWalk::CheckWalk(io::Storage& file, const Header& header, CheckReport& report)
    : file_(file),
      header_(header),
      report_(report),
      geometry_(header.cluster_bits, header.refcount_order),
      active_l1_{header.l1_table_offset, header.l1_size} {}

io::Task<void> CheckWalk::read_into(HostOffset offset, std::span<std::byte> buffer) {
  constexpr std::uint64_t last = std::numeric_limits<std::int64_t>::max();
  if (offset.value <= last - buffer.size()) return file_.read(offset, buffer);
  std::ranges::fill(buffer, std::byte{0});
  return io::Task<void>::ready();
}

io::Task<std::vector<std::byte>> CheckWalk::read(HostOffset offset, std::uint64_t size) {
  std::vector<std::byte> bytes(size);
  const std::span<std::byte> buffer(bytes);
  co_await read_into(offset, buffer);
  co_return bytes;
}

io::Task<std::vector<CheckWalk::Filled>> CheckWalk::read_slice(const Table& table,
                                                               std::uint64_t first) {
  const std::uint64_t count = std::min(slice_entries, table.entries - first);
  const HostOffset place{table.place.value + first * entry_bytes};
  TableEntries entries(count);
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(entries));
  co_await read_into(place, bytes);
  numbers_from_big(entries);
  std::vector<Filled> filled;
  for (std::uint64_t i = 0; (i = next_filled(entries, i)) < count; ++i) {
    filled.push_back({first + i, entries[i]});
  }
  co_return filled;
}

bool CheckWalk::beyond_end(HostOffset offset, std::uint64_t size) const {
  const std::uint64_t allowed = file_.size().value + geometry_.cluster_size().value - 1;
  return offset.value > allowed || size > allowed - offset.value;
}

void CheckWalk::refer(HostOffset offset, std::uint64_t size, std::uint64_t references) {
  if (size == 0) return;
  if (beyond_end(offset, size)) {
    return report_.corrupt(
        "ERROR: counting reference for region exceeding the end of the file by one cluster or "
        "more: offset " +
        hex(offset.value) + " size " + hex(size));
  }
  const HostRun run = geometry_.touched(offset, {size});
  for (std::uint64_t i = 0; i < run.count; ++i) counts_.add(run.first + i, references);
}

io::Task<void> CheckWalk::count_bitmaps() {
  const bool valid = (header_.autoclear_features & autoclear::bitmaps) != 0;
  if (!header_.bitmaps || !valid) co_return;
  const BitmapsExtension extension = *header_.bitmaps;
  check_bitmaps_extension(extension, geometry_.cluster_size());
  const ByteCount size = extension.directory_size;
  refer(extension.directory_offset, size.value, 1);
  const std::vector<std::byte> bytes = co_await read(extension.directory_offset, size.value);
  const BitmapLimits limits{geometry_.cluster_size(), header_.size};
  const std::vector<BitmapDirectoryEntry> directory =
      decode_bitmap_directory(bytes, extension.nb_bitmaps, limits);
  for (const BitmapDirectoryEntry& entry : directory) {
    const Table table{entry.table_offset, entry.table_entries};
    refer(table.place, table.entries * entry_bytes, 1);
    for (std::uint64_t first = 0; first < table.entries; first += slice_entries) {
      const std::vector<Filled> slice = co_await read_slice(table, first);
      for (const auto& [index, raw] : slice) {
        const BitmapTableEntry cluster(raw);
        if (!cluster.valid(geometry_.cluster_size())) {
          report_.corrupt("ERROR bitmap '" + entry.name + "' table entry " + hex(raw) +
                          " is invalid");
        } else if (cluster.is_data()) {
          refer(cluster.offset(), geometry_.cluster_size().value, 1);
        }
      }
    }
  }
}

io::Task<void> CheckWalk::count_refcounts() {
  const std::uint64_t size =
      geometry_.cluster_size().value * std::uint64_t{header_.refcount_table_clusters};
  const Table table{header_.refcount_table_offset, size / entry_bytes};
  refer(table.place, size, 1);
  for (std::uint64_t first = 0; first < table.entries; first += slice_entries) {
    const std::vector<Filled> slice = co_await read_slice(table, first);
    for (const auto& [index, raw] : slice) count_refcount_block(index, raw);
  }
}

void CheckWalk::count_refcount_block(std::uint64_t index, std::uint64_t entry) {
  const HostOffset place{entry & block_place_mask};
  const std::string number = std::to_string(index);
  const bool reserved = entry != place.value;
  if (reserved) {
    report_.corrupt("ERROR refcount table entry " + number + " has reserved bits set");
  }
  if (place.value == 0) return;
  if (!aligned(place)) {
    return report_.corrupt("ERROR refcount block " + number +
                           " is not cluster aligned; refcount table entry corrupted");
  }
  if (place.value >= file_.size().value) {
    return report_.corrupt("ERROR refcount block " + number + " is outside image");
  }
  blocks_.emplace(index, place);
  // As qemu-img has it, an entry that is not right does not count as a reference.
  if (reserved) return;
  refer(place, geometry_.cluster_size().value, 1);
  const std::uint64_t references = counts_.get(geometry_.cluster_down(place));
  if (references > 1) {
    report_.corrupt("ERROR refcount block " + number + " refcount=" + std::to_string(references));
  }
}

io::Task<void> CheckWalk::compare_refcounts() {
  HostCluster compared{0};
  const auto without_block = [this](HostCluster cluster, std::uint64_t references) {
    compare(cluster, 0, references);
  };
  for (const auto& [index, place] : blocks_) {
    const HostCluster first = geometry_.first_of_block(index);
    counts_.for_each(compared, first, without_block);
    co_await compare_block(index, place);
    compared = geometry_.first_of_block(index + 1);
  }
  counts_.for_each(compared, counts_.end(), without_block);
}

io::Task<void> CheckWalk::compare_block(std::uint64_t index, HostOffset place) {
  const RefcountCodec codec(header_.refcount_order);
  const std::vector<std::byte> block = co_await read(place, geometry_.cluster_size().value);
  const HostCluster first = geometry_.first_of_block(index);
  const HostCluster file_end{geometry_.clusters_for(file_.size())};
  const HostCluster end = std::max(file_end, counts_.end());
  for (std::uint64_t i = 0; i < geometry_.refcounts_per_block() && first + i < end; ++i) {
    const std::uint64_t references = counts_.get(first + i);
    // What lies beyond the file and is not used costs nothing, whatever its refcount.
    if (references == 0 && first + i >= file_end) continue;
    compare(first + i, codec.get(block.data(), i), references);
  }
}

void CheckWalk::compare(HostCluster cluster, std::uint64_t refcount, std::uint64_t references) {
  if (refcount == 0 && references == 0) return;
  counts_.note_refcount(cluster, refcount);
  report_.image_end_offset = {geometry_.start(cluster + 1).value};
  const std::string counts = std::to_string(cluster.value) +
                             " refcount=" + std::to_string(refcount) +
                             " reference=" + std::to_string(references);
  if (refcount > references) report_.leak("Leaked cluster " + counts);
  if (refcount < references) report_.corrupt("ERROR cluster " + counts);
}

}  // namespace engine::qcow2
