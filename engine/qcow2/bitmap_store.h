// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/bitmap/dirty_bits.h"
#include "engine/io/task.h"

namespace engine::qcow2 {

class Image;

/// One persistent bitmap as an image holds it.
struct StoredBitmap {
  std::string name;
  bitmap::Granularity granularity;
  bool auto_record;  ///< the AUTO flag: records writes as soon as it is loaded
  bool in_use;       ///< the IN_USE flag: was not stored properly, contents unknown
  /// The bits; for a bitmap in use none was read (S48).
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

  /// Every bitmap of the image in directory order, contents included unless in use. Does not write.
  /// Throws Refusal for a broken directory or table, in QEMU's words (S53, S55).
  io::Task<std::vector<StoredBitmap>> load();

  /// Sets IN_USE in the directory entries named, in place, before their bitmaps may change (S48,
  /// S50): autoclear bit off, entries rewritten, autoclear bit on again, each durable before the
  /// next.
  io::Task<void> mark_in_use(const std::vector<std::string>& names);

  /// Refuses what could not be stored together with what is in memory already (S7, S8): version 2,
  /// too many bitmaps, directory or bitmap too large. The text is QEMU's without the prefix
  /// "Can't make bitmap 'N' persistent in 'NODE': ".
  void check_can_add(const std::string& name, bitmap::Granularity granularity,
                     std::uint64_t persistent_count, std::uint64_t directory_bytes) const;

  /// Stores these bitmaps: entries of the same name must be IN_USE and are replaced in their place,
  /// new ones are appended, other entries stay (S12, S46). On failure the old directory stands and
  /// new clusters are freed (S47). Storing nothing writes nothing.
  io::Task<void> store(const std::vector<BitmapToStore>& bitmaps);

  /// Takes the named bitmap out of the directory and frees its clusters at once; a bitmap that has
  /// no entry is fine. Without bitmaps the extension goes (S15, S54).
  io::Task<void> remove(const std::string& name);

  /// Refuses a resize that a stored bitmap forbids (S62), and afterwards is told of it.
  io::Task<void> check_can_resize(const std::vector<std::string>& loaded_names);

 private:
  Image& image_;
};

}  // namespace engine::qcow2
