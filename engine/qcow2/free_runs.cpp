// SPDX-License-Identifier: MIT
#include "engine/qcow2/free_runs.h"

#include <algorithm>
#include <utility>

namespace engine::qcow2 {

void FreeRuns::add(HostRun run) {
  if (run.count == 0) return;
  const auto join = [&run](HostCluster first, std::uint64_t count) {
    const HostCluster end = std::max(run.end(), first + count);
    run.first = std::min(run.first, first);
    run.count = end.value - run.first.value;
  };
  auto next = runs_.upper_bound(run.first);
  if (next != runs_.begin()) {
    const auto previous = std::prev(next);
    if (previous->first + previous->second >= run.first) {
      join(previous->first, previous->second);
      runs_.erase(previous);
    }
  }
  while (next != runs_.end() && next->first <= run.end()) {
    join(next->first, next->second);
    next = runs_.erase(next);
  }
  if (runs_.size() < most_runs_) {
    runs_.emplace_hint(next, run.first, run.count);
  } else {
    forgotten_ = std::min(run.first, forgotten_.value_or(run.first));
  }
}

std::optional<HostRun> FreeRuns::take(std::uint64_t least, std::uint64_t most) {
  for (auto run = runs_.begin(); run != runs_.end(); ++run) {
    if (run->second < least) continue;
    const HostRun taken{run->first, std::min(run->second, most)};
    const HostRun rest{taken.end(), run->second - taken.count};
    runs_.erase(run);
    if (rest.count != 0) runs_.emplace(rest.first, rest.count);
    return taken;
  }
  return std::nullopt;
}

std::optional<HostCluster> FreeRuns::take_forgotten() {
  if (!runs_.empty()) return std::nullopt;
  return std::exchange(forgotten_, std::nullopt);
}

}  // namespace engine::qcow2
