// SPDX-License-Identifier: MIT
#include "sim/option_value.h"

namespace sim {

std::string option_value(const std::string& value) {
  std::string result;
  for (const char c : value) result.append(c == ',' ? 2 : 1, c);
  return result;
}

}  // namespace sim
