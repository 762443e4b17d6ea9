// SPDX-License-Identifier: MIT
#pragma once

/// Catch2 under one name: Debian 12 has version 2, later releases version 3.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#include <string>

namespace Catch::Matchers {

/// Version 3's name for Contains.
inline auto ContainsSubstring(const std::string& part) { return Contains(part); }

}  // namespace Catch::Matchers
#endif
