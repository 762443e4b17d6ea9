// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "engine/io/task.h"

namespace engine::qmp {

struct Session;

/// Guest I/O in qemu-io's words on a device or a node, which exists: read, readv, write, writev,
/// aio_read, aio_write, flush, aio_flush, discard, length. What qemu-io prints goes to the console;
/// aio_ commands go on after this has ended and print when they finish. Throws Refusal for what the
/// human monitor itself refuses.
io::Task<void> run_qemu_io(Session& session, std::string target, std::string command);

}  // namespace engine::qmp
