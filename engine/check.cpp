// SPDX-License-Identifier: MIT
#include "engine/check.h"

#include <cstdio>
#include <cstdlib>

namespace engine {

void check_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "INVARIANT failed: %s at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace engine
