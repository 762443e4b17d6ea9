// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "sim/find_qemu.h"
#include "sim/runner.h"
#include "sim/scenario.h"

namespace sim {

/// Before a run: asks the QEMUs of the cast who they are, and gives the cast what the project's
/// ledger knows of their versions. Answers them by the subject's name. Throws UsageError where the
/// subject qemu is no QEMU, or the ledger is none; another program that we start need be none.
std::map<std::string, QemuIdentity> meet_qemus(Cast& cast, const Project& project);

}  // namespace sim
