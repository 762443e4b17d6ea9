// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "sim/find_qemu.h"
#include "sim/runner.h"
#include "sim/scenario.h"

namespace sim {

/// Before a run: asks the QEMU of the cast, if it has one, who it is, and gives the cast what the
/// project's ledger knows of that version. Throws UsageError for what is no QEMU or no ledger.
std::optional<QemuIdentity> meet_qemu(Cast& cast, const Project& project);

}  // namespace sim
