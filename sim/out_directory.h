// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace sim {

/// Throws UsageError if no files can be written into `directory`, which may not be there yet: it is
/// made, and taken away again. Called before long work whose findings go there.
void check_out_directory(const std::string& directory);

}  // namespace sim
