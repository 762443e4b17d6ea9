// SPDX-License-Identifier: MIT

#include "engine/qcow2/bytes.h"
#include "engine/qcow2/check_walk.h"
#include "engine/qcow2/corruption.h"
#include "engine/qcow2/header_limits.h"

namespace engine::qcow2 {
namespace {

constexpr std::uint64_t l1_reserved = 0x7f000000000001ff;
constexpr std::uint64_t l2_reserved = 0x3f000000000001fe;

// An entry of the snapshot table (specification, "Snapshots"): 40 bytes, extra data, ID, name,
// padding up to a multiple of 8.
constexpr std::uint64_t snapshot_fixed_bytes = 40;
constexpr std::uint64_t snapshot_l1_size_at = 8;
constexpr std::uint64_t snapshot_id_length_at = 12;
constexpr std::uint64_t snapshot_name_length_at = 14;
constexpr std::uint64_t snapshot_extra_length_at = 36;

std::string plain_hex(std::uint64_t value) {
  const std::string text = hex(value);
  return text.starts_with("0x") ? text.substr(2) : text;
}

}  // namespace

io::Task<void> CheckWalk::count_mappings() {
  report_.total_clusters = geometry_.clusters_for(header_.size);
  const HostOffset start{0};
  refer(start, geometry_.cluster_size().value, 1);
  const std::map<Table, std::uint64_t> l1_tables = co_await collect_l1_tables();
  for (const auto& [table, references] : l1_tables) co_await count_l1(table, references);
  // The disk's own tables first and in the disk's order: fragmentation is about them.
  co_await count_l2_tables_of(active_l1_);
  for (auto& [place, use] : l2_tables_) {
    const HostOffset at{place};
    co_await count_l2(at, use, false);
  }
}

/// Every L1 table there is with how many snapshots (or the disk) use it.
io::Task<std::map<CheckWalk::Table, std::uint64_t>> CheckWalk::collect_l1_tables() {
  std::map<Table, std::uint64_t> tables;
  if (active_l1_.entries != 0) tables[active_l1_] += 1;
  HostOffset at = header_.snapshots_offset;
  for (std::uint32_t i = 0; i < header_.nb_snapshots; ++i) {
    const std::vector<std::byte> entry = co_await read(at, snapshot_fixed_bytes);
    const Table l1{{load_big<std::uint64_t>(entry.data())},
                   load_big<std::uint32_t>(entry.data() + snapshot_l1_size_at)};
    if (!aligned(l1.place) || l1.entries * entry_bytes > max_l1_bytes.value) {
      report_.corrupt("ERROR snapshot " + std::to_string(i) + " l1_offset=" + hex(l1.place.value) +
                      ": L1 table is not cluster aligned; snapshot table entry corrupted");
    } else if (l1.entries != 0) {
      tables[l1] += 1;
    }
    at.value += round_up(snapshot_fixed_bytes +
                             load_big<std::uint32_t>(entry.data() + snapshot_extra_length_at) +
                             load_big<std::uint16_t>(entry.data() + snapshot_id_length_at) +
                             load_big<std::uint16_t>(entry.data() + snapshot_name_length_at),
                         8);
  }
  refer(header_.snapshots_offset, at.value - header_.snapshots_offset.value, 1);
  co_return tables;
}

io::Task<void> CheckWalk::count_l1(const Table& table, std::uint64_t references) {
  refer(table.place, table.entries * entry_bytes, references);
  for (std::uint64_t first = 0; first < table.entries; first += slice_entries) {
    const std::vector<Filled> slice = co_await read_slice(table, first);
    for (const auto& [index, raw] : slice) {
      const TableEntry entry{raw};
      if ((raw & l1_reserved) != 0) {
        report_.corrupt("ERROR found L1 entry with reserved bits set: " + plain_hex(raw));
      }
      // qemu-img takes the header for a table then, and counts what it finds there.
      if (!entry.has_place() && entry.copied()) {
        report_.corrupt("ERROR L2 table at offset 0: l1_index=" + std::to_string(index) +
                        " l1_entry=" + plain_hex(raw));
      }
      if (!entry.has_place()) continue;
      refer(entry.place(), geometry_.cluster_size().value, references);
      if (!aligned(entry.place())) {
        report_.corrupt("ERROR l2_offset=" + plain_hex(entry.place().value) +
                        ": Table is not cluster aligned; L1 entry corrupted");
      } else {
        l2_tables_[entry.place().value].references += references;
      }
    }
  }
}

io::Task<void> CheckWalk::count_l2_tables_of(const Table& l1) {
  for (std::uint64_t first = 0; first < l1.entries; first += slice_entries) {
    const std::vector<Filled> slice = co_await read_slice(l1, first);
    for (const auto& [index, raw] : slice) {
      const HostOffset place = TableEntry{raw}.place();
      const auto use = l2_tables_.find(place.value);
      if (use != l2_tables_.end()) co_await count_l2(place, use->second, true);
    }
  }
}

io::Task<void> CheckWalk::count_l2(HostOffset place, L2Use& use, bool active) {
  if (use.counted || beyond_end(place, geometry_.cluster_size().value)) co_return;
  use.counted = true;
  next_contiguous_.reset();
  const Table table{place, geometry_.cluster_size().value / entry_bytes};
  for (std::uint64_t first = 0; first < table.entries; first += slice_entries) {
    const std::vector<Filled> slice = co_await read_slice(table, first);
    for (const auto& [index, raw] : slice) {
      const TableEntry entry{raw};
      if (entry.kind() == ClusterKind::compressed) {
        count_compressed(entry, use.references);
        if (!active) continue;
        ++report_.allocated_clusters;
        ++report_.compressed_clusters;
        ++report_.fragmented_clusters;  // by nature
      } else {
        count_data(entry, use.references, active);
      }
    }
  }
}

void CheckWalk::count_data(TableEntry entry, std::uint64_t references, bool active) {
  if ((entry.raw & l2_reserved) != 0) {
    report_.corrupt("ERROR found l2 entry with reserved bits set: " + plain_hex(entry.raw));
  }
  if (!entry.has_place()) return;
  if (active) ++report_.allocated_clusters;
  if (active) note_contiguous(entry.place());
  if (!aligned(entry.place())) {
    const bool zero = entry.kind() == ClusterKind::zero;
    report_.corrupt("ERROR offset=" + plain_hex(entry.place().value) + ": " +
                    (zero ? "Preallocated zero" : "Data") +
                    " cluster is not properly aligned; L2 entry corrupted.");
  }
  refer(entry.place(), geometry_.cluster_size().value, references);
}

void CheckWalk::note_contiguous(HostOffset place) {
  if (next_contiguous_ && place != *next_contiguous_) ++report_.fragmented_clusters;
  next_contiguous_ = HostOffset{place.value + geometry_.cluster_size().value};
}

void CheckWalk::count_compressed(TableEntry entry, std::uint64_t references) {
  const unsigned offset_bits = 62 - (header_.cluster_bits - 8);
  const std::uint64_t offset = entry.raw & ((std::uint64_t{1} << offset_bits) - 1);
  const std::uint64_t more_sectors = (entry.raw & (TableEntry::compressed_flag - 1)) >> offset_bits;
  if (entry.copied()) {
    report_.corrupt("ERROR: coffset=" + hex(offset) +
                    ": copied flag must never be set for compressed clusters");
  }
  const std::uint64_t size = (more_sectors + 1) * sector_size - offset % sector_size;
  const HostOffset place{offset};
  refer(place, size, references);
}

io::Task<void> CheckWalk::check_copied_flags() {
  for (std::uint64_t first = 0; first < active_l1_.entries; first += slice_entries) {
    const std::vector<Filled> slice = co_await read_slice(active_l1_, first);
    for (const auto& [index, raw] : slice) {
      const TableEntry entry{raw};
      const HostOffset place = entry.place();
      const std::uint64_t refcount = counts_.refcount(geometry_.cluster_down(place));
      if (entry.has_place() && entry.copied() != (refcount == 1)) {
        report_.corrupt("ERROR OFLAG_COPIED L2 cluster: l1_index=" + std::to_string(index) +
                        " l1_entry=" + plain_hex(raw) + " refcount=" + std::to_string(refcount));
      }
      const auto use = l2_tables_.find(place.value);
      if (use != l2_tables_.end() && use->second.counted) co_await check_copied_in(place);
    }
  }
}

io::Task<void> CheckWalk::check_copied_in(HostOffset l2_table) {
  const Table table{l2_table, geometry_.cluster_size().value / entry_bytes};
  for (std::uint64_t first = 0; first < table.entries; first += slice_entries) {
    const std::vector<Filled> slice = co_await read_slice(table, first);
    for (const auto& [index, raw] : slice) {
      const TableEntry entry{raw};
      if (entry.kind() == ClusterKind::compressed || !entry.has_place()) continue;
      const std::uint64_t refcount = counts_.refcount(geometry_.cluster_down(entry.place()));
      if (entry.copied() == (refcount == 1)) continue;
      report_.corrupt("ERROR OFLAG_COPIED data cluster: l2_entry=" + plain_hex(raw) +
                      " refcount=" + std::to_string(refcount));
    }
  }
}

}  // namespace engine::qcow2
