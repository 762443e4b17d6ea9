// SPDX-License-Identifier: MIT
#include "engine/qcow2/check_counts.h"

#include <algorithm>
#include <limits>

namespace engine::qcow2 {
namespace {

std::uint32_t saturated(std::uint64_t value) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(value, most));
}

}  // namespace

void ReferenceCounts::add(HostCluster cluster, std::uint64_t references) {
  Count& count = chunks_[cluster.value / chunk_clusters].references[cluster.value % chunk_clusters];
  count = saturated(count + references);
}

std::uint64_t ReferenceCounts::get(HostCluster cluster) const {
  const auto chunk = chunks_.find(cluster.value / chunk_clusters);
  if (chunk == chunks_.end()) return 0;
  return chunk->second.references[cluster.value % chunk_clusters];
}

void ReferenceCounts::note_refcount(HostCluster cluster, std::uint64_t refcount) {
  const auto chunk = chunks_.find(cluster.value / chunk_clusters);
  if (chunk == chunks_.end()) return;
  chunk->second.refcounts[cluster.value % chunk_clusters] = saturated(refcount);
}

std::uint64_t ReferenceCounts::refcount(HostCluster cluster) const {
  const auto chunk = chunks_.find(cluster.value / chunk_clusters);
  if (chunk == chunks_.end()) return 0;
  return chunk->second.refcounts[cluster.value % chunk_clusters];
}

HostCluster ReferenceCounts::end() const {
  if (chunks_.empty()) return {0};
  return {(chunks_.rbegin()->first + 1) * chunk_clusters};
}

}  // namespace engine::qcow2
