// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/kept.h"

namespace sim::sweep {

/// How many of the states that a power cut may leave are tried.
struct Depth {
  std::uint64_t combinations = 64;  ///< up to so many are all tried
  std::uint64_t samples = 16;       ///< of more so many are drawn
  std::uint64_t seed = 1;           ///< what they are drawn from
};

/// What a power cut may keep of these changes, all of them excepted: that is what a kill leaves. A
/// change is lost, kept, or torn in its middle, which leaves its first or its last sectors; drawn
/// ones are torn anywhere. If `newest` names a change, only cuts that keep some of it: the others
/// have been tried before it was made.
std::vector<Kept> power_cuts(const std::vector<Unflushed>& changes, const Depth& depth,
                             std::optional<std::size_t> newest);

}  // namespace sim::sweep
