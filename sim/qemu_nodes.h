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
/// and size in bytes, or its refusal. Of a bitmap that is too large to hash, bits_by_run(). Throws
/// as QemuProcess does, and SubjectFailure if QEMU hashes what it does not list.
nlohmann::json hashed_bits(QemuProcess& process, const std::string& node,
                           const std::string& bitmap);

/// The bits themselves, {"must":[[start,length]…],"may":…} as model::dirty_ranges has them, both
/// equal. They cost commands that change things for a while, so this is for when it matters. Null
/// if QEMU does not show them. Throws as exported_bits() does.
nlohmann::json bits_by_run(QemuProcess& process, const std::string& node,
                           const std::string& bitmap);

}  // namespace sim
