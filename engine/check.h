// SPDX-License-Identifier: MIT
#pragma once

namespace engine {

/// Prints "INVARIANT failed: CONDITION at FILE:LINE" on standard error and aborts the process.
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace engine

/// States an invariant of the engine. Stays on in release builds: a broken invariant is a bug of
/// ours, and a run that goes on after it proves nothing. Never used for what a user, an image or a
/// device can cause: that is a Refusal (engine/error.h).
#define INVARIANT(condition) \
  ((condition) ? void() : ::engine::check_failed(#condition, __FILE__, __LINE__))
