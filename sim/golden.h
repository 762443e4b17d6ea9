// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

namespace sim {

/// The text of a golden transcript; nothing if there is none. Throws UsageError if it cannot be
/// read.
std::optional<std::string> read_golden(const std::string& path);

/// Replaces a golden transcript, directories made as needed; tells whether it changed. Throws
/// UsageError.
bool bless(const std::string& path, const std::string& text);

}  // namespace sim
