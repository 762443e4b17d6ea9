// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "engine/block/layer.h"

namespace engine::qmp {

/// What drive_add was asked for.
struct DriveOptions {
  std::string id;
  block::OpenOptions open;
};

/// Reads "if=none,id=drive0,file=F,format=qcow2,…"; a comma in a value is doubled. Throws Refusal
/// in QEMU's words.
DriveOptions parse_drive_options(const std::string& text, const std::string& default_id);

}  // namespace engine::qmp
