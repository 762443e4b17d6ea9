// SPDX-License-Identifier: MIT
#pragma once

#include "engine/qcow2/parts.h"

namespace engine::qcow2 {

/// Guest data on its way to clusters that have just got a place in the file, together with what the
/// rest of these clusters has to hold.
struct FirstWrite {
  GuestRange clusters;  ///< whole clusters
  GuestOffset at;       ///< where the data goes; within
  std::span<const std::byte> data;
  MappedRun old;       ///< what the clusters held so far
  HostOffset host;     ///< the new place of clusters.start
  bool fresh = false;  ///< the new place lies beyond the end of the file: it reads as zeros
};

/// Writes the data and what surrounds it: zeros, the backing's contents, or those of the old place.
io::Task<void> write_first(Parts& parts, const FirstWrite& write);

}  // namespace engine::qcow2
