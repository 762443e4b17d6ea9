// SPDX-License-Identifier: MIT
#include "engine/qcow2/repair.h"

#include <cerrno>
#include <limits>
#include <map>

#include "engine/error.h"
#include "engine/qcow2/bytes.h"
#include "engine/qcow2/check_walk.h"
#include "engine/qcow2/header_limits.h"
#include "engine/qcow2/refcount_codec.h"

namespace engine::qcow2 {

namespace {

constexpr HostCluster everywhere{std::numeric_limits<std::uint64_t>::max()};

/// Where the new refcount structure goes: blocks, then the table.
struct Plan {
  HostCluster first;
  std::map<std::uint64_t, HostCluster> blocks;  ///< by index
  std::uint64_t table_clusters = 0;
  HostRun table() const { return {first + blocks.size(), table_clusters}; }
  HostCluster end() const { return table().end(); }
};

/// The work on one image, from what a check has counted.
class Repair {
 public:
  Repair(io::Storage& file, const Header& header, ReferenceCounts& counts)
      : file_(file),
        header_(header),
        geometry_(header.cluster_bits, header.refcount_order),
        counts_(counts) {}

  /// COPIED where the only reference is this one, in the disk's own tables.
  io::Task<void> set_copied_flags() {
    const HostOffset l1 = header_.l1_table_offset;
    TableEntries entries = co_await read_entries(l1, header_.l1_size);
    for (const std::uint64_t raw : entries) {
      const TableEntry entry{raw};
      if (entry.has_place()) co_await set_copied_in(entry.place());
    }
    co_await correct(l1, entries);
  }

  /// Writes the new structure. Answers the header that names it, which is not written yet.
  io::Task<Header> write_refcounts() {
    const Plan plan = make_plan();
    counts_new(plan);
    for (const auto& [index, place] : plan.blocks) co_await write_block(index, place);
    co_await write_table(plan);
    Header header = header_;
    header.refcount_table_offset = geometry_.start(plan.table().first);
    header.refcount_table_clusters = static_cast<std::uint32_t>(plan.table_clusters);
    header.incompatible_features &= ~incompatible::dirty;
    co_return header;
  }

 private:
  io::Task<TableEntries> read_entries(HostOffset place, std::uint64_t count) {
    TableEntries entries(count);
    const std::span<std::byte> bytes = std::as_writable_bytes(std::span(entries));
    if (count != 0) co_await file_.read(place, bytes);
    numbers_from_big(entries);
    co_return entries;
  }
  io::Task<void> write_bytes(HostOffset place, const std::vector<std::byte>& bytes) {
    const std::span<const std::byte> data(bytes);
    co_await file_.write(place, data);
  }
  io::Task<void> set_copied_in(HostOffset l2_table) {
    TableEntries entries = co_await read_entries(l2_table, geometry_.cluster_size().value / 8);
    co_await correct(l2_table, entries);
  }
  /// Writes a table with the right flags, if one was wrong.
  io::Task<void> correct(HostOffset place, TableEntries& entries) {
    bool changed = false;
    std::vector<std::byte> bytes(entries.size() * 8);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const TableEntry entry{entries[i]};
      const bool counts = entry.kind() != ClusterKind::compressed && entry.has_place();
      const bool only = counts && counts_.get(geometry_.cluster_down(entry.place())) == 1;
      const std::uint64_t plain = entry.raw & ~TableEntry::copied_flag;
      const std::uint64_t right = only ? plain | TableEntry::copied_flag : plain;
      changed = changed || right != entry.raw;
      store_big<std::uint64_t>(&bytes[i * 8], right);
    }
    if (changed) co_await write_bytes(place, bytes);
  }

  HostCluster first_unused() const {
    HostCluster first{geometry_.clusters_for(file_.size())};
    counts_.for_each({0}, everywhere, [&](HostCluster cluster, std::uint64_t) {
      first = std::max(first, cluster + 1);
    });
    return first;
  }
  /// Blocks and table count themselves, so their number is tried upwards.
  Plan make_plan() const {
    Plan plan{first_unused(), {}, 1};
    counts_.for_each({0}, everywhere, [&](HostCluster cluster, std::uint64_t) {
      plan.blocks[geometry_.block_index(cluster)] = {};
    });
    for (bool grown = true; grown;) {
      const Plan before = plan;
      for (std::uint64_t at = plan.first.value; at < before.end().value; ++at)
        plan.blocks[geometry_.block_index({at})] = {};
      plan.table_clusters = geometry_.clusters_for({(plan.blocks.rbegin()->first + 1) * 8});
      grown = before.end() != plan.end();
    }
    if (plan.table_clusters > max_refcount_table_bytes.value >> geometry_.cluster_bits())
      throw IoError(EFBIG);
    HostCluster place = plan.first;
    for (auto& [index, block] : plan.blocks) {
      block = place;
      place = place + 1;
    }
    return plan;
  }
  void counts_new(const Plan& plan) {
    for (HostCluster at = plan.first; at < plan.end(); at = at + 1) counts_.add(at, 1);
  }
  io::Task<void> write_block(std::uint64_t index, HostCluster place) {
    const RefcountCodec codec(geometry_.refcount_order());
    const unsigned width = header_.refcount_bits();
    std::vector<std::byte> bytes(geometry_.cluster_size().value);
    const HostCluster first = geometry_.first_of_block(index);
    const HostCluster end = geometry_.first_of_block(index + 1);
    counts_.for_each(first, end, [&](HostCluster cluster, std::uint64_t references) {
      if (width < 32 && references >> width != 0) throw IoError(ERANGE);
      codec.set(bytes.data(), cluster.value - first.value, references);
    });
    co_await write_bytes(geometry_.start(place), bytes);
  }
  io::Task<void> write_table(const Plan& plan) {
    std::vector<std::byte> bytes(plan.table_clusters << geometry_.cluster_bits());
    for (const auto& [index, place] : plan.blocks)
      store_big<std::uint64_t>(&bytes[index * 8], geometry_.start(place).value);
    co_await write_bytes(geometry_.start(plan.table().first), bytes);
  }

  io::Storage& file_;
  const Header header_;
  Geometry geometry_;
  ReferenceCounts& counts_;
};

}  // namespace

io::Task<void> repair(io::Storage& file, HeaderFile& header) {
  CheckReport report;
  CheckWalk walk(file, header.header(), report);
  co_await walk.read_snapshots();
  co_await walk.count_mappings();
  co_await walk.count_bitmaps();
  // What cannot be walked would be called free.
  if (report.corruptions != 0 || report.check_errors != 0)
    throw IoError(EIO, "Could not repair dirty image");
  ReferenceCounts counts = walk.counts();
  Repair repair(file, header.header(), counts);
  try {
    co_await repair.set_copied_flags();
    Header repaired = co_await repair.write_refcounts();
    co_await header.replace(std::move(repaired));
  } catch (const IoError& error) {
    throw IoError(error.code(), "Could not repair dirty image");
  }
}

}  // namespace engine::qcow2
