// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "engine/io/task.h"

namespace engine::qmp {

struct Session;

/// Runs a line of QEMU's human monitor: drive_add, drive_del, qemu-io. Answers what the monitor
/// prints: nothing, "OK", or what went wrong, each line ended by "\r\n".
io::Task<std::string> human_command(Session& session, std::string line);

}  // namespace engine::qmp
