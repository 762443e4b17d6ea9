// SPDX-License-Identifier: MIT
#include "sim/ensure.h"

#include <cstdio>
#include <cstdlib>

namespace sim {

void ensure_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "ENSURE failed: %s at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace sim
