// SPDX-License-Identifier: MIT
#include <algorithm>
#include <exception>

#include "engine/qcow2/corruption.h"
#include "engine/qcow2/header_limits.h"
#include "engine/qcow2/refcounts.h"

// New refcount blocks, and a longer refcount table, for clusters that nobody has counted yet. All
// that is added lies in the file behind the clusters that it was needed for, and counts itself.

namespace engine::qcow2 {

io::Task<void> Refcounts::grow_and_use(HostRun run) {
  const Growth growth = co_await plan_growth(run);
  for (const NewBlock& block : growth.blocks) refuse_impossible({block.cluster, 1});
  if (growth.table.count != 0) refuse_impossible(growth.table);
  for (const NewBlock& block : growth.blocks)
    unlinked_[block.index] = geometry_.start(block.cluster);
  note_metadata(growth);
  const std::vector<HostRun> runs = runs_of(run, growth);
  std::vector<HostRun> counted;
  std::exception_ptr error;
  try {
    for (const NewBlock& block : growth.blocks) co_await create_block(block);
    for (const HostRun used : runs) {
      co_await count_up(used);
      counted.push_back(used);
    }
    co_await link(growth);
  } catch (...) {
    error = std::current_exception();
  }
  unlinked_.clear();
  if (error == nullptr) co_return;
  co_await take_back(growth, counted);
  std::rethrow_exception(error);
}

/// All that a growth for the sake of `run` puts into use.
std::vector<HostRun> Refcounts::runs_of(HostRun run, const Growth& growth) {
  std::vector<HostRun> runs{run};
  if (growth.table.count != 0) runs.push_back(growth.table);
  for (const NewBlock& block : growth.blocks) runs.push_back({block.cluster, 1});
  return runs;
}

/// As if it had never been tried. The file may have the new tables, and even a header that names
/// them; but nobody gets their clusters before the old header is in its place again.
io::Task<void> Refcounts::take_back(const Growth& growth, const std::vector<HostRun>& counted) {
  for (const NewBlock& block : growth.blocks) {
    blocks_.forget(geometry_.start(block.cluster), geometry_.cluster_size());
    metadata_.remove({block.cluster, 1});
  }
  metadata_.remove(growth.table);
  // In the blocks that were there before; what cannot be undone leaks.
  try {
    for (const HostRun run : counted) co_await count_down(run);
  } catch (const Refusal&) {
  }
}

/// From now on nobody may take what will be tables for data.
void Refcounts::note_metadata(const Growth& growth) {
  for (const NewBlock& block : growth.blocks) metadata_.add({block.cluster, 1});
  metadata_.add(growth.table);
}

/// A longer table needs clusters and blocks itself, so its length is tried upwards.
io::Task<Refcounts::Growth> Refcounts::plan_growth(HostRun run) {
  Growth growth = co_await try_plan(run, 0);
  std::uint64_t available = table_.size();
  while (growth.highest_index >= available) {
    const std::uint64_t wanted = growth.highest_index + 1 + growth.highest_index / 2;
    const std::uint64_t clusters = geometry_.clusters_for({wanted * 8});
    if (clusters > max_refcount_table_bytes.value >> geometry_.cluster_bits()) throw IoError(EFBIG);
    available = table_entries_in(clusters);
    growth = co_await try_plan(run, clusters);
  }
  co_return growth;
}

io::Task<Refcounts::Growth> Refcounts::try_plan(HostRun run, std::uint64_t table_clusters) {
  Growth growth;
  // Below the frontier free clusters are on offer already.
  HostCluster next = std::max(run.end(), frontier_);
  std::vector<HostRun> uncounted{run};
  if (table_clusters != 0) {
    // Beyond the reach of the old table everything is free.
    next = std::max(next, geometry_.first_of_block(table_.size()));
    growth.table = {next, table_clusters};
    next = growth.table.end();
    uncounted.push_back(growth.table);
  }
  std::map<std::uint64_t, bool> planned;
  while (!uncounted.empty()) {
    const HostRun counted = uncounted.back();
    uncounted.pop_back();
    const std::uint64_t last = geometry_.block_index({counted.end().value - 1});
    growth.highest_index = std::max(growth.highest_index, last);
    for (std::uint64_t i = geometry_.block_index(counted.first); i <= last; ++i) {
      if (block_place(i).value != 0 || planned[i]) continue;
      planned[i] = true;
      while (!co_await is_free(next)) next = next + 1;
      const NewBlock block{i, next};
      growth.blocks.push_back(block);
      const HostRun itself{next, 1};
      uncounted.push_back(itself);
      next = next + 1;
    }
  }
  co_return growth;
}

io::Task<void> Refcounts::create_block(NewBlock block) {
  const HostOffset place = geometry_.start(block.cluster);
  if (geometry_.slice_size() == geometry_.cluster_size()) {
    co_await blocks_.create(place);
    co_return;
  }
  co_await file_.write_zeroes(place, geometry_.cluster_size(), io::Unmap::no);
  blocks_.note_written();
}

io::Task<void> Refcounts::link(const Growth& growth) {
  if (growth.table.count != 0) {
    co_await move_table(growth);
  } else {
    for (const NewBlock& block : growth.blocks)
      table_.set(block.index, geometry_.start(block.cluster).value);
  }
}

/// The blocks and the table that points to them, then the header that points to the table; the
/// header's writing puts a flush between.
io::Task<void> Refcounts::move_table(const Growth& growth) {
  const HostOffset old_place = table_.place();
  const HostRun old_run = geometry_.run(old_place, geometry_.clusters_for(table_.bytes()));
  TableEntries entries(table_entries_in(growth.table.count), 0);
  for (std::uint64_t i = 0; i < table_.size(); ++i) entries[i] = table_[i];
  for (const NewBlock& block : growth.blocks)
    entries[block.index] = geometry_.start(block.cluster).value;

  co_await order_.write_back(blocks_);
  const HostOffset place = geometry_.start(growth.table.first);
  co_await table_.write_copy(place, entries);
  Header header = header_.header();
  header.refcount_table_offset = place;
  header.refcount_table_clusters = static_cast<std::uint32_t>(growth.table.count);
  co_await header_.replace(std::move(header));

  table_.move_to(place, std::move(entries));
  unlinked_.clear();
  metadata_.remove(old_run);
  // What cannot be freed leaks.
  try {
    co_await count_down(old_run);
  } catch (const Refusal&) {
  }
}

}  // namespace engine::qcow2
