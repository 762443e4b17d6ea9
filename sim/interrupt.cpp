// SPDX-License-Identifier: MIT
#include "sim/interrupt.h"

#include <string>

#include "sim/usage_error.h"

namespace sim {

namespace {

/// A signal handler can reach nothing else.
volatile std::sig_atomic_t last_signal = 0;

void note(int signal) { last_signal = signal; }

}  // namespace

InterruptGuard::InterruptGuard() {
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_RESETHAND;
  for (int i = 0; i < 4; ++i) sigaction(signals_[i], &action, &before_[i]);
}

InterruptGuard::~InterruptGuard() {
  for (int i = 0; i < 4; ++i) sigaction(signals_[i], &before_[i], nullptr);
}

bool InterruptGuard::came() { return last_signal != 0; }

int InterruptGuard::status() { return 128 + last_signal; }

void InterruptGuard::check() {
  if (came()) throw UsageError("interrupted by signal " + std::to_string(last_signal));
}

}  // namespace sim
