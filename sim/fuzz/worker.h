// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

#include "sim/fuzz/campaign.h"
#include "sim/fuzz/forked.h"

namespace sim::fuzz {

/// Does the runs first, first + stride, … of a campaign in a process of its own, and tells of each:
/// {"start":run}, then {"statistics":…} and, if it failed, {"failure":…}. A program that hangs too
/// often ends its work: {"left-out":name}.
class Worker {
 public:
  Worker(const Campaign& campaign, std::uint64_t number);

  /// Until the runs are done, `end` comes, or we are interrupted.
  void work(std::uint64_t first, std::uint64_t stride, std::chrono::steady_clock::time_point end,
            const Tell& tell);

 private:
  void one(std::uint64_t run, Workspace* workspace, const Tell& tell);

  const Campaign& campaign_;
  std::uint64_t number_;
  Cast cast_;  ///< the campaign's, with processes of QEMU that come up ahead of need
};

}  // namespace sim::fuzz
