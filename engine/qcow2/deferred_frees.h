// SPDX-License-Identifier: MIT
#pragma once

#include <utility>
#include <vector>

#include "engine/qcow2/geometry.h"

namespace engine::qcow2 {

/// Clusters that nothing points to any more as far as memory goes, while the file may still say
/// otherwise. Their refcounts go down, and they may be used again, only once the tables without
/// them are durable.
class DeferredFrees {
 public:
  /// After so many clusters it is time to write the tables.
  static constexpr std::uint64_t many = 16384;

  void add(HostRun run) {
    count_ += run.count;
    if (!runs_.empty() && runs_.back().end() == run.first) {
      runs_.back().count += run.count;
    } else {
      runs_.push_back(run);
    }
  }
  bool too_many() const { return count_ >= many; }
  std::vector<HostRun> take() {
    count_ = 0;
    return std::exchange(runs_, {});
  }

 private:
  std::vector<HostRun> runs_;
  std::uint64_t count_ = 0;
};

}  // namespace engine::qcow2
