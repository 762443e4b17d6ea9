// SPDX-License-Identifier: MIT
#pragma once

namespace sim {

/// The commit that this program was built from, as `git describe --always --dirty` has it;
/// "unknown" if it was not built in a repository. Made anew by every build (sim/commit.cmake).
const char* commit();

}  // namespace sim
