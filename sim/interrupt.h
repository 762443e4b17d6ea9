// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>

namespace sim {

/// While it lives, Ctrl-C, SIGTERM, SIGHUP and a closed pipe do not end the program on the spot but
/// at the next check(), so that processes and temporary files are cleaned up. A second Ctrl-C does.
class InterruptGuard {
 public:
  InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard();

  /// Whether a signal came since the first guard was made.
  static bool came();
  /// Throws UsageError if one came.
  static void check();
  /// The exit status of a program that such a signal ended: 130 for Ctrl-C. Requires came().
  static int status();

 private:
  static constexpr int signals_[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
  struct sigaction before_[4];
};

}  // namespace sim
