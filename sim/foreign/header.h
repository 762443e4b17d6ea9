// SPDX-License-Identifier: MIT
#pragma once

#include "sim/foreign/bytes.h"
#include "sim/foreign/image.h"

namespace sim::foreign {

/// Where something lies in the file, and how long it is, in bytes.
struct Place {
  std::uint64_t start = 0, length = 0;
};
/// A table of entries of 8 bytes.
struct BitmapPlace {
  std::uint64_t table = 0;
  std::uint32_t entries = 0;
};
/// A table of that many entries, of the snapshot of that number.
struct L1Place {
  unsigned number = 1;
  std::uint64_t start = 0, entries = 0;
};

/// What a header has to name.
struct Places {
  std::uint64_t l1 = 0, l1_entries = 0;
  std::uint64_t refcount_table = 0;
  std::uint32_t refcount_clusters = 0;
  std::uint64_t snapshot_table = 0;
  std::uint32_t snapshots = 0;
  Place bitmaps = {};  ///< the directory
};

/// The header, its extensions, and the name of the backing file.
Bytes header_bytes(const Image& image, const Places& places);
/// Appends an entry of the snapshot table.
void append_snapshot(Bytes& table, const Image& image, const Snapshot& snapshot, L1Place l1);
/// Appends an entry of the bitmap directory.
void append_bitmap(Bytes& directory, const Bitmap& bitmap, BitmapPlace place);
/// The bits of a bitmap, granule i in bit i % 8 of byte i / 8.
Bytes bits_of(const Image& image, const Bitmap& bitmap);

}  // namespace sim::foreign
