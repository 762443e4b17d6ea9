// SPDX-License-Identifier: MIT
#include "engine/qcow2/corruption.h"

#include <cinttypes>
#include <cstdio>

namespace engine::qcow2 {

std::string hex(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "%#" PRIx64, value);
  return text;
}

}  // namespace engine::qcow2
