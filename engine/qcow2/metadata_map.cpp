// SPDX-License-Identifier: MIT
#include "engine/qcow2/metadata_map.h"

namespace engine::qcow2 {

void MetadataMap::add(HostRun run) {
  for (HostCluster at = run.first; at < run.end(); at = at + 1)
    words_[at.value / 64] |= mask(at.value % 64, 1);
}

void MetadataMap::remove(HostRun run) {
  for (HostCluster at = run.first; at < run.end(); at = at + 1) {
    std::uint64_t& word = words_[at.value / 64];
    word &= ~mask(at.value % 64, 1);
    if (word == 0) words_.erase(at.value / 64);
  }
}

bool MetadataMap::overlaps_words(HostRun run) const {
  while (run.count != 0) {
    const std::uint64_t bit = run.first.value % 64;
    const std::uint64_t count = std::min(run.count, 64 - bit);
    const auto found = words_.find(run.first.value / 64);
    if (found != words_.end() && (found->second & mask(bit, count)) != 0) return true;
    run = {run.first + count, run.count - count};
  }
  return false;
}

}  // namespace engine::qcow2
