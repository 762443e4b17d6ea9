// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/io/storage.h"
#include "engine/qcow2/header.h"

namespace engine::qcow2 {

/// An internal snapshot as the snapshot table names it (specification, "Snapshots").
struct Snapshot {
  static constexpr std::uint64_t no_icount = ~std::uint64_t{0};

  HostOffset l1_offset;
  std::uint32_t l1_size = 0;  ///< entries
  std::string id;
  std::string name;
  std::uint32_t date_sec = 0;  ///< since 1970
  std::uint32_t date_nsec = 0;
  std::uint64_t vm_clock_nsec = 0;
  std::uint64_t vm_state_size = 0;  ///< bytes
  std::uint64_t icount = no_icount;
  std::uint32_t extra_length = 0;  ///< bytes of extra data, of which version 3 wants 16
};

/// The snapshots in the table's order.
struct SnapshotTable {
  std::vector<Snapshot> snapshots;
  ByteCount size;
};

/// Reads the snapshot table that the header names; a table of no snapshots is not looked at. Only
/// reads. Throws Refusal in QEMU's words for a table that is too large, or too large in a part of
/// it, so that an image cannot ask for any amount of memory or time; IoError where it cannot be
/// read. Requires that check_snapshot_table took the header.
io::Task<SnapshotTable> read_snapshot_table(io::Storage& file, const Header& header);

}  // namespace engine::qcow2
