// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace tests {

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = kib * kib;

}  // namespace tests
