// SPDX-License-Identifier: MIT
#include "sim/foreign/disk.h"

#include <algorithm>
#include <set>

namespace sim::foreign {

namespace {

constexpr std::uint64_t known_incompatible = dirty_bit | corrupt_bit | compression_bit;

/// The table in which a cluster can be changed: a shared one is copied first.
Table& own_table(const Image& image, Disk& disk, std::uint64_t cluster) {
  std::shared_ptr<Table>& table = disk.active[cluster >> (image.cluster_bits - 3)];
  if (!table) table = std::make_shared<Table>();
  if (table.use_count() > 1) table = std::make_shared<Table>(*table);
  return *table;
}

void write(const Image& image, Disk& disk, const Write& step) {
  const std::uint64_t end = std::min(step.range.end, image.size);
  if (step.range.start >= end) return;
  const std::uint64_t last = (end - 1) >> image.cluster_bits;
  for (std::uint64_t at = step.range.start >> image.cluster_bits; at <= last; ++at) {
    auto cell = std::make_shared<Cell>(Cell{step.kind, step.byte});
    disk.cells.push_back(cell);
    own_table(image, disk, at)[at] = std::move(cell);
  }
}

void count(const Tables& tables) {
  for (const auto& [index, table] : tables) {
    for (const auto& [cluster, cell] : *table) ++cell->references;
  }
}

/// The cells whose refcount may have been lost: the disk has one, and nobody else.
std::set<const Cell*> owned_data(const Disk& disk) {
  std::set<const Cell*> owned;
  for (const auto& [index, table] : disk.active) {
    for (const auto& [cluster, cell] : *table) {
      if (cell->kind == Kind::data && cell->references == 1) owned.insert(cell.get());
    }
  }
  return owned;
}

}  // namespace

Disk disk_of(const Image& image) {
  Disk disk;
  for (const auto& step : image.history) {
    if (const auto* written = std::get_if<Write>(&step)) {
      write(image, disk, *written);
    } else {
      disk.snapshots.push_back(disk.active);
    }
  }
  count(disk.active);
  for (const Tables& tables : disk.snapshots) count(tables);
  std::erase_if(disk.cells, [](const auto& cell) { return cell->references == 0; });
  return disk;
}

std::vector<const Cell*> lost_cells(const Image& image, const Disk& disk) {
  std::vector<const Cell*> lost;
  if (image.lost == 0) return lost;
  const std::set<const Cell*> owned = owned_data(disk);
  for (auto cell = disk.cells.rbegin(); cell != disk.cells.rend(); ++cell) {
    if (lost.size() < image.lost && owned.contains(cell->get())) lost.push_back(cell->get());
  }
  return lost;
}

Facts facts_of(const Image& image) {
  const Disk disk = disk_of(image);
  Facts facts;
  for (const auto& [index, table] : disk.active) {
    for (const auto& [cluster, cell] : *table) {
      const bool zeros = cell->kind == Kind::zeros || cell->kind == Kind::mapped_zeros;
      const std::uint64_t start = cluster << image.cluster_bits;
      const std::uint8_t byte = zeros ? std::uint8_t{0} : cell->byte;
      facts.data.push_back({start, start + image.cluster_size(), byte});
    }
  }
  // The refcount is wrong, and so is the flag that tells of it.
  facts.corruptions =
      2 * static_cast<unsigned>(lost_cells(image, disk).size()) + image.found_corruptions;
  facts.leaks = image.leaked + image.found_leaks;
  facts.broken = image.broken;
  facts.extra_header = image.fields;
  for (const Extension& each : image.extensions)
    facts.extra_header += 8 + (std::uint64_t{each.length} + 7) / 8 * 8;
  facts.snapshots = !disk.snapshots.empty();
  facts.unknown_features = image.incompatible & ~known_incompatible;
  return facts;
}

std::vector<Range> dirty_granules(const Image& image, const Bitmap& bitmap) {
  const unsigned shift = bitmap.granularity_bits;
  std::vector<Range> runs;
  for (const Range& range : bitmap.dirty) {
    const std::uint64_t end = std::min(range.end, image.size);
    if (range.start < end) runs.push_back({range.start >> shift, ((end - 1) >> shift) + 1});
  }
  return runs;
}

}  // namespace sim::foreign
