// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "sim/foreign/image.h"

namespace sim::foreign {

/// What a guest cluster is mapped to. Several tables may share it.
struct Cell {
  Kind kind = Kind::data;
  std::uint8_t byte = 0;
  unsigned references = 0;  ///< by the tables of all L1 tables, each as often as it is reached
};

/// An L2 table: cells by guest cluster.
using Table = std::map<std::uint64_t, std::shared_ptr<Cell>>;
/// L2 tables by their index in the L1 table.
using Tables = std::map<std::uint64_t, std::shared_ptr<Table>>;

/// The mappings of an image: what its history has led to.
struct Disk {
  Tables active;
  std::vector<Tables> snapshots;             ///< the oldest first
  std::vector<std::shared_ptr<Cell>> cells;  ///< all, the oldest first
};

/// Replays the history. Cells that nothing refers to any more are gone.
Disk disk_of(const Image& image);
/// The cells whose refcount is lost: of those that the disk alone refers to the newest.
std::vector<const Cell*> lost_cells(const Image& image, const Disk& disk);

/// What of an image is seen from outside.
struct Facts {
  /// Clusters that hold one byte all over.
  struct Run {
    std::uint64_t start, end;  ///< in bytes; up to the last cluster's end
    std::uint8_t byte;
  };
  std::vector<Run> data;           ///< what is allocated, in order
  unsigned corruptions = 0;        ///< that a check finds
  unsigned leaks = 0;              ///< that a check finds
  std::vector<Range> broken;       ///< what the guest cannot touch
  std::uint64_t extra_header = 0;  ///< bytes that unknown fields and extensions take
  bool snapshots = false;
  std::uint64_t unknown_features = 0;  ///< incompatible ones: nobody can open it
};
Facts facts_of(const Image& image);
/// The dirty granules of a bitmap, as runs.
std::vector<Range> dirty_granules(const Image& image, const Bitmap& bitmap);

}  // namespace sim::foreign
