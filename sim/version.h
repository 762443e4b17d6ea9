// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace sim {

/// The version of a program, such as 7.2.22.
struct Version {
  int major = 0, minor = 0, micro = 0;

  friend auto operator<=>(const Version&, const Version&) = default;
};

/// "7", "7.2" or "7.2.22"; nothing for any other text. Parts that are left out are 0.
std::optional<Version> parse_version(std::string_view text);

/// All three parts: "7.2.22".
std::string to_string(const Version& version);

}  // namespace sim
