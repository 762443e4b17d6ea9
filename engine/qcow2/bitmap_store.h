// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/bitmap/dirty_bits.h"
#include "engine/io/task.h"
#include "engine/io/units.h"

namespace engine::qcow2 {

class Image;
class BitmapTableEntry;
struct BitmapDirectoryEntry;

/// One persistent bitmap as an image holds it.
struct StoredBitmap {
  std::string name;
  bitmap::Granularity granularity;
  bool auto_record;  ///< the AUTO flag: records writes as soon as it is loaded
  bool in_use;       ///< the IN_USE flag: was not stored properly, contents unknown
  /// The bits; none if they were not wanted, and for a bitmap in use (S48).
  std::optional<bitmap::DirtyBits> bits;
};

/// A bitmap to be stored. `bits` is not owned.
struct BitmapToStore {
  std::string name;
  bool auto_record;
  const bitmap::DirtyBits* bits;
};

/// The bitmaps extension of one image (semantics rules S44-S58, ORDER.md): reads and writes the
/// bitmap directory, tables and data. Knows nothing of nodes, of busy or of enabled bitmaps: who
/// owns the bitmaps in memory says what is to be stored. Requires that no guest request is in
/// flight.
class BitmapStore {
 public:
  /// Requires that `image` outlives the store.
  explicit BitmapStore(Image& image) : image_(image) {}

  /// Whether a bitmap's bits are wanted.
  enum class Contents { leave, read };

  /// Every bitmap of the image in directory order, contents included unless in use. Does not write.
  /// Throws Refusal for a broken directory or table, in QEMU's words (S53, S55).
  io::Task<std::vector<StoredBitmap>> load(Contents contents = Contents::read);

  /// Sets IN_USE in the directory entries named, in place, before their bitmaps may change (S48,
  /// S50): autoclear bit off, entries rewritten, autoclear bit on again, each durable before the
  /// next. Names without an entry are passed over; where nothing changes, nothing is written.
  io::Task<void> mark_in_use(const std::vector<std::string>& names);

  /// Refuses what could not be stored together with what is in memory already (S7, S8): version 2,
  /// bitmap too large, name too long, too many bitmaps, directory too large. The counts are those
  /// of the persistent bitmaps there are; bitmap_directory.h tells the bytes of an entry. The text
  /// is QEMU's without the prefix "Can't make bitmap 'N' persistent in 'NODE': ".
  void check_can_add(const std::string& name, bitmap::Granularity granularity,
                     std::uint64_t persistent_count, std::uint64_t directory_bytes) const;

  /// Stores these bitmaps: entries of the same name must be IN_USE and are replaced in their place,
  /// new ones are appended in the order given, other entries stay (S12, S46). On failure the old
  /// directory stands and new clusters are freed (S47). Storing nothing writes nothing. The text of
  /// a Refusal is QEMU's without the prefix "Lost persistent bitmaps during inactivation of node
  /// 'NODE': ".
  io::Task<void> store(const std::vector<BitmapToStore>& bitmaps);

  /// Takes the named bitmap out of the directory and frees its clusters at once; a bitmap that has
  /// no entry is fine. Without bitmaps the extension goes (S15, S54).
  io::Task<void> remove(const std::string& name);

  /// The names in directory order, for who has to ask about them in that order (S62).
  io::Task<std::vector<std::string>> read_names();

 private:
  /// Runs of clusters, to be freed together.
  struct Clusters;

  io::Task<std::vector<std::byte>> read_bytes(HostOffset offset, ByteCount size);
  io::Task<std::vector<std::byte>> read_directory_bytes();
  io::Task<std::vector<BitmapDirectoryEntry>> read_directory();
  io::Task<std::vector<BitmapTableEntry>> read_table(const BitmapDirectoryEntry& entry);
  /// The table of a bitmap that is not in use.
  io::Task<std::vector<BitmapTableEntry>> read_whole_table(const BitmapDirectoryEntry& entry);
  io::Task<bitmap::DirtyBits> read_bits(const BitmapDirectoryEntry& entry);
  io::Task<void> read_data(const std::vector<BitmapTableEntry>& table, bitmap::DirtyBits& bits);

  io::Task<HostOffset> write_new(std::span<const std::byte> bytes, Clusters& made);
  io::Task<std::vector<BitmapTableEntry>> write_data(const bitmap::DirtyBits& bits, Clusters& made);
  io::Task<BitmapDirectoryEntry> write_bitmap(const BitmapToStore& bitmap, Clusters& made);
  io::Task<void> write_bitmaps(std::vector<BitmapToStore> bitmaps,
                               std::vector<BitmapDirectoryEntry>& entries, Clusters& made);
  io::Task<void> switch_directory(const std::vector<BitmapDirectoryEntry>& entries, Clusters& made);
  io::Task<void> replace(const std::vector<BitmapToStore>& bitmaps,
                         std::vector<BitmapDirectoryEntry> entries);
  io::Task<void> free_all(const Clusters& clusters);
  io::Task<void> free_bitmap(const BitmapDirectoryEntry& entry);

  Image& image_;
};

}  // namespace engine::qcow2
