// SPDX-License-Identifier: MIT
#include <limits>

#include "engine/error.h"
#include "engine/qcow2/bytes.h"
#include "engine/qcow2/check_walk.h"
#include "engine/qcow2/corruption.h"
#include "engine/qcow2/header_limits.h"

// The disk's and the snapshots' L1 and L2 tables: who refers to what.

namespace engine::qcow2 {
namespace {

constexpr std::uint64_t l1_reserved = 0x7f000000000001ff;
constexpr std::uint64_t l2_reserved = 0x3f000000000001fe;
/// What version 3 wants in the extra data of a snapshot: the sizes of VM state and disk.
constexpr std::uint32_t wanted_extra_length = 16;

}  // namespace

io::Task<void> CheckWalk::read_snapshots() {
  check_snapshot_table(header_, "ERROR snapshot table");
  SnapshotTable table = co_await read_snapshot_table_or_tell();
  snapshots_ = std::move(table);
  for (std::size_t i = 0; i < snapshots_.snapshots.size(); ++i) {
    if (header_.version < 3 || snapshots_.snapshots[i].extra_length >= wanted_extra_length)
      continue;
    report_.corrupt("ERROR snapshot table entry " + std::to_string(i) + " is incomplete");
  }
  if (clusters_end_.value > std::numeric_limits<std::int32_t>::max()) {
    throw IoError(EFBIG, "Check failed");
  }
}

io::Task<SnapshotTable> CheckWalk::read_snapshot_table_or_tell() {
  std::string text;
  std::string hint;
  try {
    co_return co_await read_snapshot_table(file_, header_);
  } catch (const Refusal& refusal) {
    text = refusal.what();
    hint = refusal.hint();
  }
  throw Refusal("ERROR failed to read the snapshot table: " + text, ErrorClass::generic, hint);
}

io::Task<void> CheckWalk::count_mappings() {
  report_.total_clusters = geometry_.clusters_for(header_.size);
  const HostOffset start{0};
  refer(start, geometry_.cluster_size().value, 1);
  const std::map<Table, Uses> l1_tables = collect_l1_tables();
  for (const auto& [table, uses] : l1_tables) co_await count_l1(table, uses);
  for (const auto& [place, uses] : l2_tables_) co_await count_l2(place, uses);
  refer(header_.snapshots_offset, snapshots_.size.value, 1);
}

/// Every L1 table there is with who uses it.
std::map<CheckWalk::Table, CheckWalk::Uses> CheckWalk::collect_l1_tables() {
  std::map<Table, Uses> tables;
  if (active_l1_.entries != 0) tables[active_l1_] = {1, 1};
  for (const Snapshot& snapshot : snapshots_.snapshots) {
    if (const std::optional<std::string> fault = fault_of(snapshot)) {
      report_.corrupt("ERROR snapshot " + snapshot.id + " (" + snapshot.name + ") " + *fault +
                      "; snapshot table entry corrupted");
    } else if (snapshot.l1_size != 0) {
      ++tables[{snapshot.l1_offset, snapshot.l1_size}].by_all;
    }
  }
  return tables;
}

std::optional<std::string> CheckWalk::fault_of(const Snapshot& snapshot) const {
  if (!aligned(snapshot.l1_offset)) {
    return "l1_offset=" + hex(snapshot.l1_offset.value) + ": L1 table is not cluster aligned";
  }
  if (snapshot.l1_size > max_l1_bytes.value / entry_bytes) {
    return "l1_size=" + hex(snapshot.l1_size) + ": L1 table is too large";
  }
  return std::nullopt;
}

io::Task<void> CheckWalk::count_l1(const Table& whole, Uses uses) {
  refer(whole, uses.by_all);
  const Table table = within_file(whole);
  for (std::uint64_t first = 0; first < table.entries; first += slice_entries) {
    const std::vector<Filled> slice = co_await read_slice(table, first);
    for (const auto& [index, raw] : slice) {
      if ((raw & l1_reserved) != 0) {
        report_.corrupt("ERROR found L1 entry with reserved bits set: " + plain_hex(raw),
                        uses.by_all);
      }
      // Whatever else the entry says; without a place, the header is what qemu-img walks.
      const HostOffset place = TableEntry{raw}.place();
      refer(place, geometry_.cluster_size().value, uses.by_all);
      if (!aligned(place)) {
        report_.corrupt("ERROR l2_offset=" + plain_hex(place.value) +
                            ": Table is not cluster aligned; L1 entry corrupted",
                        uses.by_all);
      }
      l2_tables_[place].by_all += uses.by_all;
      l2_tables_[place].by_disk += uses.by_disk;
    }
  }
}

io::Task<void> CheckWalk::count_l2(HostOffset place, Uses uses) {
  next_contiguous_.reset();
  const Table table = l2_table(place);
  for (std::uint64_t first = 0; first < table.entries; first += slice_entries) {
    const std::vector<Filled> slice = co_await read_slice(table, first);
    for (const auto& [index, raw] : slice) {
      const TableEntry entry{raw};
      if (entry.kind() == ClusterKind::compressed) {
        count_compressed(entry, uses);
      } else {
        count_data(entry, uses);
      }
    }
  }
}

void CheckWalk::count_data(TableEntry entry, Uses uses) {
  if ((entry.raw & l2_reserved) != 0) {
    report_.corrupt("ERROR found l2 entry with reserved bits set: " + plain_hex(entry.raw),
                    uses.by_all);
  }
  if (!entry.has_place()) return;
  if (uses.by_disk != 0) note_allocated(entry, uses.by_disk);
  if (!aligned(entry.place())) {
    const bool zero = entry.kind() == ClusterKind::zero;
    report_.corrupt("ERROR offset=" + plain_hex(entry.place().value) + ": " +
                        (zero ? "Preallocated zero" : "Data") +
                        " cluster is not properly aligned; L2 entry corrupted.",
                    uses.by_all);
  }
  refer(entry.place(), geometry_.cluster_size().value, uses.by_all);
}

void CheckWalk::note_allocated(TableEntry entry, std::uint64_t times) {
  report_.allocated_clusters += times;
  if (next_contiguous_ && entry.place() != *next_contiguous_) report_.fragmented_clusters += times;
  next_contiguous_ = entry.place() + geometry_.cluster_size();
}

void CheckWalk::count_compressed(TableEntry entry, Uses uses) {
  const unsigned offset_bits = 62 - (header_.cluster_bits - 8);
  const std::uint64_t offset = entry.raw & ((std::uint64_t{1} << offset_bits) - 1);
  const std::uint64_t more_sectors = (entry.raw & (TableEntry::compressed_flag - 1)) >> offset_bits;
  if (entry.copied()) {
    report_.corrupt(
        "ERROR: coffset=" + hex(offset) + ": copied flag must never be set for compressed clusters",
        uses.by_all);
  }
  const std::uint64_t size = (more_sectors + 1) * sector_size - offset % sector_size;
  const HostOffset place{offset};
  refer(place, size, uses.by_all);
  report_.allocated_clusters += uses.by_disk;
  report_.compressed_clusters += uses.by_disk;
  report_.fragmented_clusters += uses.by_disk;  // by nature
}

io::Task<void> CheckWalk::check_copied_flags() {
  std::map<HostOffset, std::uint64_t> l2_tables;
  const Table table = within_file(active_l1_);
  for (std::uint64_t first = 0; first < table.entries; first += slice_entries) {
    const std::vector<Filled> slice = co_await read_slice(table, first);
    for (const auto& [index, raw] : slice) {
      const TableEntry entry{raw};
      if (!entry.has_place()) continue;
      const std::optional<std::uint64_t> refcount = co_await refcount_of(entry.place());
      if (!refcount) continue;
      if (entry.copied() != (*refcount == 1)) {
        report_.corrupt("ERROR OFLAG_COPIED L2 cluster: l1_index=" + std::to_string(index) +
                        " l1_entry=" + plain_hex(raw) + " refcount=" + std::to_string(*refcount));
      }
      ++l2_tables[entry.place()];
    }
  }
  for (const auto& [place, times] : l2_tables) co_await check_copied_in(place, times);
}

io::Task<void> CheckWalk::check_copied_in(HostOffset place, std::uint64_t times) {
  const Table table = l2_table(place);
  for (std::uint64_t first = 0; first < table.entries; first += slice_entries) {
    const std::vector<Filled> slice = co_await read_slice(table, first);
    for (const auto& [index, raw] : slice) {
      const TableEntry entry{raw};
      if (entry.kind() == ClusterKind::compressed || !entry.has_place()) continue;
      const std::optional<std::uint64_t> refcount = co_await refcount_of(entry.place());
      if (!refcount || entry.copied() == (*refcount == 1)) continue;
      report_.corrupt("ERROR OFLAG_COPIED data cluster: l2_entry=" + plain_hex(raw) +
                          " refcount=" + std::to_string(*refcount),
                      times);
    }
  }
}

}  // namespace engine::qcow2
