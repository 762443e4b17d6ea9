// SPDX-License-Identifier: MIT
#include "engine/qcow2/check_counts.h"

#include <algorithm>

namespace engine::qcow2 {

ReferenceCounts::ReferenceCounts(std::uint64_t most) : most_(most) {}

std::uint64_t ReferenceCounts::add(HostCluster cluster, std::uint64_t references) {
  Count& count = chunks_[cluster.value / chunk_clusters].references[cluster.value % chunk_clusters];
  const std::uint64_t room = most_ - count;
  const std::uint64_t counted = std::min(references, room);
  count = static_cast<Count>(std::min(count + counted, most_told_apart));
  return references - counted;
}

std::uint64_t ReferenceCounts::get(HostCluster cluster) const {
  const auto chunk = chunks_.find(cluster.value / chunk_clusters);
  if (chunk == chunks_.end()) return 0;
  return chunk->second.references[cluster.value % chunk_clusters];
}

void ReferenceCounts::note_refcount(HostCluster cluster, std::uint64_t refcount) {
  const auto chunk = chunks_.find(cluster.value / chunk_clusters);
  if (chunk == chunks_.end()) return;
  chunk->second.refcounts[cluster.value % chunk_clusters] =
      static_cast<Count>(std::min(refcount, most_told_apart));
}

std::optional<std::uint64_t> ReferenceCounts::refcount(HostCluster cluster) const {
  const auto chunk = chunks_.find(cluster.value / chunk_clusters);
  if (chunk == chunks_.end()) return std::nullopt;
  const Count noted = chunk->second.refcounts[cluster.value % chunk_clusters];
  if (noted == unknown) return std::nullopt;
  return noted;
}

}  // namespace engine::qcow2
