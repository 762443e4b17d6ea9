// SPDX-License-Identifier: MIT
#include "sim/choice.h"

#include <bit>

#include "sim/ensure.h"

namespace sim {

SeededChoice::SeededChoice(std::uint64_t seed) {
  for (std::uint64_t& word : state_) {
    std::uint64_t z = (seed += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    word = z ^ (z >> 31);
  }
}

std::uint64_t SeededChoice::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t SeededChoice::pick(std::uint64_t options) {
  ENSURE(options >= 1);
  if (options == 1) return 0;
  // The biased tail of the 64-bit range is thrown away.
  const std::uint64_t limit = options * (UINT64_MAX / options);
  std::uint64_t value = next();
  while (value >= limit) value = next();
  return value % options;
}

}  // namespace sim
