// SPDX-License-Identifier: MIT
#include <algorithm>

#include "engine/error.h"
#include "engine/qcow2/bytes.h"
#include "engine/qcow2/check_walk.h"
#include "engine/qcow2/header_limits.h"
#include "engine/qcow2/refcount_codec.h"

// The refcount table and its blocks: who refers to them, and whether they are right about others.

namespace engine::qcow2 {
namespace {

/// A refcount table entry: bits 9 to 63 are the place of a block, the others are reserved.
constexpr std::uint64_t block_place_mask = ~std::uint64_t{0x1ff};

bool all_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

io::Task<void> CheckWalk::count_refcounts() {
  refer(refcount_table_, 1);
  const Table table = within_file(refcount_table_);
  for (std::uint64_t first = 0; first < table.entries; first += slice_entries) {
    const std::vector<Filled> slice = co_await read_slice(table, first);
    for (const auto& [index, raw] : slice) count_refcount_block(index, raw);
  }
}

void CheckWalk::count_refcount_block(std::uint64_t index, std::uint64_t entry) {
  const HostOffset place{entry & block_place_mask};
  const std::string number = std::to_string(index);
  if (place.value != 0 && geometry_.first_of_block(index) <= clusters_end_) {
    blocks_.emplace(index, place);
  }
  // As qemu-img has it, an entry that is not right does not count as a reference.
  if (entry != place.value) {
    return report_.corrupt("ERROR refcount table entry " + number + " has reserved bits set");
  }
  if (!aligned(place)) {
    return report_.corrupt("ERROR refcount block " + number +
                           " is not cluster aligned; refcount table entry corrupted");
  }
  if (geometry_.cluster_down(place) >= clusters_end_) {
    return report_.corrupt("ERROR refcount block " + number + " is outside image");
  }
  refer(place, geometry_.cluster_size().value, 1);
  const std::uint64_t references = counts_.get(geometry_.cluster_down(place));
  if (references != 1) {
    report_.corrupt("ERROR refcount block " + number + " refcount=" + std::to_string(references));
  }
}

bool CheckWalk::readable(HostOffset block) const {
  return aligned(block) && can_be_read(block, geometry_.cluster_size());
}

io::Task<void> CheckWalk::compare_refcounts() {
  report_.image_end_offset = geometry_.cluster_size();  // the least there is
  HostCluster compared{0};
  for (const auto& [index, place] : blocks_) {
    const HostCluster first = std::min(geometry_.first_of_block(index), clusters_end_);
    compare_without_block(compared, first);
    co_await compare_block(index, place);
    compared = geometry_.first_of_block(index + 1);
  }
  compare_without_block(compared, clusters_end_);
}

void CheckWalk::compare_without_block(HostCluster first, HostCluster end) {
  counts_.for_each(first, end, [this](HostCluster cluster, std::uint64_t references) {
    compare(cluster, 0, references);
  });
}

io::Task<void> CheckWalk::compare_block(std::uint64_t index, HostOffset place) {
  const HostCluster first = geometry_.first_of_block(index);
  const HostCluster end = std::min(first + geometry_.refcounts_per_block(), clusters_end_);
  const std::uint64_t count = end.value - std::min(first, end).value;
  if (!readable(place)) {
    for (std::uint64_t i = 0; i < count; ++i) {
      report_.fail("Can't get refcount for cluster " + std::to_string((first + i).value) + ": " +
                   errno_text(EIO));
    }
    co_return;
  }
  const std::uint64_t bytes = units_for(count << header_.refcount_order, 8);
  const std::vector<std::byte> block = co_await read(place, round_up(bytes, entry_bytes));
  if (all_zero(block)) co_return compare_without_block(first, end);
  const RefcountCodec codec(header_.refcount_order);
  for (std::uint64_t i = 0; i < count; ++i) {
    compare(first + i, codec.get(block.data(), i), counts_.get(first + i));
  }
}

void CheckWalk::compare(HostCluster cluster, std::uint64_t refcount, std::uint64_t references) {
  if (refcount == 0 && references == 0) return;
  counts_.note_refcount(cluster, refcount);
  report_.image_end_offset = {geometry_.start(cluster + 1).value};
  if (refcount == references) return;
  const std::string counts = std::to_string(cluster.value) +
                             " refcount=" + std::to_string(refcount) +
                             " reference=" + std::to_string(references);
  if (refcount > references) report_.leak("Leaked cluster " + counts);
  if (refcount < references) report_.corrupt("ERROR cluster " + counts);
}

io::Task<std::optional<std::uint64_t>> CheckWalk::refcount_of(HostOffset place) {
  const HostCluster cluster = geometry_.cluster_down(place);
  const std::optional<std::uint64_t> noted = counts_.refcount(cluster);
  if (noted) return io::Task<std::optional<std::uint64_t>>::ready(noted);
  return read_refcount(cluster);
}

io::Task<std::optional<std::uint64_t>> CheckWalk::read_refcount(HostCluster cluster) {
  const std::uint64_t index = geometry_.block_index(cluster);
  if (index >= refcount_table_.entries) co_return std::uint64_t{0};
  const HostOffset entry_at = refcount_table_.place + ByteCount{index * entry_bytes};
  const std::vector<std::byte> entry = co_await read(entry_at, entry_bytes);
  const HostOffset block{load_big<std::uint64_t>(entry.data()) & block_place_mask};
  if (block.value == 0) co_return std::uint64_t{0};
  if (!readable(block)) co_return std::nullopt;
  // The eight bytes of the block that have this one.
  const std::uint64_t first_bit = geometry_.index_in_block(cluster) << header_.refcount_order;
  const HostOffset at = block + ByteCount{first_bit / 64 * entry_bytes};
  const std::vector<std::byte> bytes = co_await read(at, entry_bytes);
  const RefcountCodec codec(header_.refcount_order);
  co_return codec.get(bytes.data(), (first_bit % 64) >> header_.refcount_order);
}

}  // namespace engine::qcow2
