// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "sim/qemu_process.h"

namespace sim {

/// What a QEMU's queries tell of the node of a device or of that name; null if there is none.
/// Throws as QemuProcess does.
nlohmann::json find_node(QemuProcess& process, const std::string& node);

/// The bits of a bitmap as far as QEMU tells them: {"sha256","count","granularity","size"}, count
/// and size in bytes, or its refusal. Throws as QemuProcess does, and SubjectFailure if QEMU hashes
/// what it does not list.
nlohmann::json hashed_bits(QemuProcess& process, const std::string& node,
                           const std::string& bitmap);

}  // namespace sim
