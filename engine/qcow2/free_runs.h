// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "engine/qcow2/geometry.h"

namespace engine::qcow2 {

/// Runs of clusters that are known to be free, lowest first; neighbours are joined. Holds a bounded
/// number of runs: what does not fit is forgotten, and the lowest forgotten cluster remembered.
class FreeRuns {
 public:
  explicit FreeRuns(std::size_t most_runs = 16384) : most_runs_(most_runs) {}

  /// What is known already stays known once.
  void add(HostRun run);
  /// Takes `least` to `most` clusters in one run from the lowest place that has as many.
  std::optional<HostRun> take(std::uint64_t least, std::uint64_t most);
  /// Once everything known is used up: where to look for what was forgotten.
  std::optional<HostCluster> take_forgotten();

 private:
  std::size_t most_runs_;
  std::map<HostCluster, std::uint64_t> runs_;
  std::optional<HostCluster> forgotten_;
};

}  // namespace engine::qcow2
