// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace sim {

/// A value within one of QEMU's lists of options: a comma is doubled.
std::string option_value(const std::string& value);

}  // namespace sim
