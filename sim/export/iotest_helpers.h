// SPDX-License-Identifier: MIT
#pragma once

#include <set>
#include <string>

namespace sim::exporting {

/// The Python text of the helper functions of these names, and of those that they call, each after
/// two blank lines.
std::string helper_functions(std::set<std::string> names);

}  // namespace sim::exporting
