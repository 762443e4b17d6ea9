// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <unordered_map>

#include "engine/qcow2/geometry.h"

namespace engine::qcow2 {

/// Which clusters of the file hold the image's own tables, so that a broken image cannot make us
/// write guest data, or a new table, over them.
class MetadataMap {
 public:
  void add(HostRun run);
  void remove(HostRun run);
  bool overlaps(HostRun run) const {
    // Most requests touch one cluster, or a few of one word.
    const std::uint64_t word = run.first.value / 64;
    if ((run.first.value + run.count - 1) / 64 != word) return overlaps_words(run);
    const auto found = words_.find(word);
    return found != words_.end() && (found->second & mask(run.first.value % 64, run.count)) != 0;
  }

 private:
  /// Of 1 to 64 clusters.
  static std::uint64_t mask(std::uint64_t first, std::uint64_t count) {
    return ~std::uint64_t{0} >> (64 - count) << first;
  }
  bool overlaps_words(HostRun run) const;

  std::unordered_map<std::uint64_t, std::uint64_t> words_;  ///< 64 clusters each
};

}  // namespace engine::qcow2
