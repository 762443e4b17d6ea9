// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/io/runtime.h"
#include "engine/io/storage.h"
#include "engine/qcow2/open_for.h"

namespace engine::qcow2 {

/// Which image to look at, and how.
struct InfoRequest {
  std::string path;
  /// "qcow2" or "raw"; empty: whatever the first bytes say.
  std::string format;
  /// Off: look at an image that somebody may be writing.
  io::Locking locking = io::Locking::on;
  /// What it must be fit for, to be told anything of.
  OpenFor purpose = OpenFor::use;
};

/// What `qemu-img info --output=json` says about an image: filename, format, virtual-size,
/// actual-size, dirty-flag; for qcow2 also cluster-size, the backing file, the internal snapshots
/// and format-specific with the bitmaps' names, granularities and flags. Only reads. Throws Refusal
/// for what cannot be opened, in QEMU's words without the prefix "Could not open 'F': " that
/// qemu-img puts before all of them.
io::Task<nlohmann::json> image_info(io::Runtime& runtime, io::Host& host, InfoRequest request);

}  // namespace engine::qcow2
