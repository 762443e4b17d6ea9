// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace sim::cli {

/// What qemu-img prints for humans; the arguments are as images.h gives them.
std::string formatting_text(const nlohmann::json& options);
std::string info_text(const nlohmann::json& info);
std::string check_text(const nlohmann::json& report, const nlohmann::json& findings);

/// "192 KiB", "1.5 GiB", "512 B": three digits.
std::string human_size(std::uint64_t bytes);

}  // namespace sim::cli
