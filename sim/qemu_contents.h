// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "sim/qemu_process.h"

namespace sim {

/// All bytes of a node, as runs of equal ones in the shape of model::contents, read through an NBD
/// export of the node on a private socket that is gone when this returns. Nothing if the process
/// refuses the export, as it does while a server of the scenario's own runs. `length` is the size
/// of the disk. Throws as QemuProcess does.
std::optional<nlohmann::json> exported_contents(QemuProcess& process, const std::string& node_name,
                                                std::uint64_t length,
                                                std::chrono::milliseconds limit);

/// The same of a device or node, out of what qemu-io prints: slow, but asks for no right that a job
/// may hold. Nothing if it cannot be read.
std::optional<nlohmann::json> printed_contents(QemuProcess& process, const std::string& node,
                                               std::uint64_t length);

}  // namespace sim
