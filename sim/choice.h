// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

namespace sim {

/// Whatever a run leaves open asks here: which event goes next, how long an operation takes, what a
/// power cut keeps. Seeded it gives fuzzing, scripted replay, enumerated exhaustive exploration.
class Choice {
 public:
  virtual ~Choice() = default;
  /// One of 0 … options-1. Requires options >= 1; with one option nothing is consumed.
  virtual std::uint64_t pick(std::uint64_t options) = 0;
};

/// Always the first: events in order of time and sequence, every operation the shortest.
class FirstChoice : public Choice {
 public:
  std::uint64_t pick(std::uint64_t) override { return 0; }
};

/// A seeded stream of choices: xoshiro256** seeded through splitmix64, the same on every machine.
class SeededChoice : public Choice {
 public:
  explicit SeededChoice(std::uint64_t seed);
  std::uint64_t pick(std::uint64_t options) override;

 private:
  std::uint64_t next();
  std::uint64_t state_[4];
};

/// The first until it is seeded.
class LateChoice : public Choice {
 public:
  void seed(std::uint64_t seed) { seeded_.emplace(seed); }
  std::uint64_t pick(std::uint64_t options) override {
    return seeded_ ? seeded_->pick(options) : 0;
  }

 private:
  std::optional<SeededChoice> seeded_;
};

}  // namespace sim
