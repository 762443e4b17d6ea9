// SPDX-License-Identifier: MIT
#include <malloc.h>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif

namespace {

/// Freed memory is kept: tests are short, and fetching pages anew costs more than the work on them.
[[maybe_unused]] const bool memory_is_kept = [] {
  constexpr int megabyte = 1 << 20;
  return mallopt(M_MMAP_THRESHOLD, 32 * megabyte) == 1 &&
         mallopt(M_TRIM_THRESHOLD, 512 * megabyte) == 1 && mallopt(M_TOP_PAD, megabyte) == 1;
}();

}  // namespace
