// SPDX-License-Identifier: MIT
#include "sim/fuzz/processor_limit.h"

#include <sys/time.h>

namespace sim::fuzz {

namespace {

void set_timer(std::chrono::seconds limit) {
  itimerval timer{};
  timer.it_value.tv_sec = limit.count();
  setitimer(ITIMER_PROF, &timer, nullptr);
}

}  // namespace

ProcessorLimit::ProcessorLimit(std::chrono::seconds limit) { set_timer(limit); }

ProcessorLimit::~ProcessorLimit() { set_timer(std::chrono::seconds(0)); }

}  // namespace sim::fuzz
