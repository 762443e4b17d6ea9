// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace sim {

/// The whole text of a regular file. What is none (a pipe, a device) is refused at once, for it
/// could keep us waiting for ever. Throws UsageError: "PATH: cannot be read: WHY".
std::string read_text(const std::string& path);

/// Replaces the text of a file, or makes it, as a whole or not at all: a disk that fills up leaves
/// what was there. A symbolic link is not followed but refused. Throws UsageError: "PATH: cannot be
/// written: WHY".
void write_text(const std::string& path, const std::string& text);

}  // namespace sim
