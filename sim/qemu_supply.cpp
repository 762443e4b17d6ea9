// SPDX-License-Identifier: MIT
#include "sim/qemu_supply.h"

namespace sim {

namespace {

/// Two restarts may follow each other at once; more would only take memory.
constexpr std::size_t ahead = 2;

}  // namespace

std::unique_ptr<QemuProcess> QemuSupply::take() {
  while (coming_up_.size() <= ahead) {
    coming_up_.push_back(std::make_unique<QemuProcess>(program_));
  }
  std::unique_ptr<QemuProcess> process = std::move(coming_up_.front());
  coming_up_.pop_front();
  process->meet();
  return process;
}

}  // namespace sim
