// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>

#include "engine/qcow2/geometry.h"

namespace engine::qcow2 {

/// How often each cluster of a file is referred to, as far as an image check has walked. Takes
/// memory only around clusters that something refers to.
class ReferenceCounts {
 public:
  /// Counts up to `most`, as the image's own refcounts do.
  explicit ReferenceCounts(std::uint64_t most);
  /// How many of the references found no room in the count.
  std::uint64_t add(HostCluster cluster, std::uint64_t references);
  std::uint64_t get(HostCluster cluster) const;
  /// Remembers the image's own refcount of a cluster, unless nothing refers to it.
  void note_refcount(HostCluster cluster, std::uint64_t refcount);
  /// The refcount that was noted, if one was.
  std::optional<std::uint64_t> refcount(HostCluster cluster) const;

  /// Calls visit(cluster, references) for what is referred to in [first, end), in order.
  template <class Visit>
  void for_each(HostCluster first, HostCluster end, Visit visit) const {
    for (auto chunk = chunks_.lower_bound(first.value / chunk_clusters); chunk != chunks_.end();
         ++chunk) {
      for (std::uint64_t i = 0; i < chunk_clusters; ++i) {
        const HostCluster cluster{chunk->first * chunk_clusters + i};
        if (cluster >= end) return;
        const std::uint64_t references = chunk->second.references[i];
        if (cluster >= first && references != 0) visit(cluster, references);
      }
    }
  }

 private:
  /// Saturates: what is used four billion times is not told apart.
  using Count = std::uint32_t;
  static constexpr std::uint64_t most_told_apart = std::numeric_limits<Count>::max() - 1;
  static constexpr Count unknown = std::numeric_limits<Count>::max();
  static constexpr std::uint64_t chunk_clusters = 128;
  struct Chunk {
    std::array<Count, chunk_clusters> references{};
    std::array<Count, chunk_clusters> refcounts;
    Chunk() { refcounts.fill(unknown); }
  };

  std::uint64_t most_;
  std::map<std::uint64_t, Chunk> chunks_;
};

}  // namespace engine::qcow2
