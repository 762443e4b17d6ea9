// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/io/runtime.h"
#include "engine/io/units.h"

namespace engine::job {

/// Spreads a job's bytes over time. Zero means no limit.
class RateLimit {
 public:
  explicit RateLimit(std::uint64_t bytes_per_second) : speed_(bytes_per_second) {}

  std::uint64_t speed() const { return speed_; }
  /// A new limit forgets what the old one still held back.
  void set_speed(std::uint64_t bytes_per_second) {
    speed_ = bytes_per_second;
    free_at_ = io::Nanoseconds{0};
  }
  /// Accounts for bytes that were moved.
  void spend(io::Nanoseconds now, ByteCount bytes) {
    if (speed_ == 0) return;
    const double seconds = static_cast<double>(bytes.value) / static_cast<double>(speed_);
    // A century: beyond all use, and far from overflow.
    constexpr double longest = 100.0 * 365 * 24 * 3600;
    const auto cost = std::chrono::duration<double>(std::min(seconds, longest));
    free_at_ = std::max(now, free_at_) + std::chrono::duration_cast<io::Nanoseconds>(cost);
  }
  /// How long to wait before the next bytes may be moved.
  io::Nanoseconds delay(io::Nanoseconds now) const {
    return std::max(free_at_ - now, io::Nanoseconds{0});
  }

 private:
  std::uint64_t speed_;
  io::Nanoseconds free_at_{0};
};

}  // namespace engine::job
