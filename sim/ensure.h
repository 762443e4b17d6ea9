// SPDX-License-Identifier: MIT
#pragma once

namespace sim {

/// Prints "ENSURE failed: CONDITION at FILE:LINE" on standard error and aborts the process.
[[noreturn]] void ensure_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace sim

/// States an invariant of the harness, in release builds too. Never used for what a user, a file or
/// a witness can cause. The engine has its own (engine/check.h): who judges it shares nothing with
/// it.
#define ENSURE(condition) \
  ((condition) ? void() : ::sim::ensure_failed(#condition, __FILE__, __LINE__))
