// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "sim/qemu_process.h"

namespace sim {

/// All bytes of a node, as runs of equal ones in the shape of model::contents, read through an NBD
/// export of the node on a private socket that is gone when this returns. Long runs that the
/// server knows to read as zeros are not read. Nothing if the process refuses the export, as it
/// does while a server of the scenario's own runs, or if the export is not `length` bytes long.
/// Throws as QemuProcess and NbdReader do.
std::optional<nlohmann::json> exported_contents(QemuProcess& process, const std::string& node_name,
                                                std::uint64_t length);

/// The same of a device or node, out of what qemu-io prints: slow, but asks for no right that a job
/// may hold. Nothing if it cannot be read.
std::optional<nlohmann::json> printed_contents(QemuProcess& process, const std::string& node,
                                               std::uint64_t length);

/// The dirty runs [[start,length]…] of a bitmap, as `listed` by a query, of a node, as queries have
/// it: a copy of the bitmap is exported and goes again. Nothing if the process refuses that, as it
/// does for a bitmap that is in use. Throws as exported_contents() does.
std::optional<nlohmann::json> exported_bits(QemuProcess& process, const nlohmann::json& node,
                                            const nlohmann::json& listed);

}  // namespace sim
