// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

namespace sim::fuzz {

/// While it lives, the process may take so much processor time and no more, or it dies of SIGPROF:
/// what turns in circles is a failure. How busy the machine is does not count, nor do waits.
class ProcessorLimit {
 public:
  explicit ProcessorLimit(std::chrono::seconds limit);
  ProcessorLimit(const ProcessorLimit&) = delete;
  ProcessorLimit& operator=(const ProcessorLimit&) = delete;
  ~ProcessorLimit();
};

}  // namespace sim::fuzz
