// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "engine/bitmap/granularity.h"
#include "engine/io/task.h"
#include "engine/qcow2/bitmap_store.h"

namespace engine::block {

class Node;
struct NodeBitmap;

/// The tie between a node's bitmaps in memory and those in its image (S44-S58): says when which of
/// them are loaded, marked IN_USE, stored or removed. Requires, except for queries, that no request
/// is unfinished.
class ImageBitmaps {
 public:
  /// A bitmap of the image's directory.
  struct Entry {
    std::string name;
    bitmap::Granularity granularity;
    bool auto_record;
    bool in_use;
  };

  ImageBitmaps(Node& node, qcow2::Image& image) : node_(node), image_(image), store_(image) {}

  /// Loads all bitmaps of the image into the node; a writable node takes them into use, on a
  /// read-only one they are read-only (S48, S49).
  io::Task<void> load();
  /// Marks the consistent bitmaps of the image IN_USE and lets all be changed (S50).
  io::Task<void> take_into_use();
  /// Stores the node's persistent bitmaps, except those that are inconsistent or read-only (S45).
  /// On failure the image keeps what it had (S47).
  io::Task<void> store();
  /// After a store: the node's persistent bitmaps become read-only (S50).
  void freeze();
  /// Whether the node holds a persistent bitmap that a read-only node cannot store (B56).
  bool has_unstorable() const;
  /// Takes a bitmap out of the image at once (S15).
  io::Task<void> remove(const std::string& name);
  /// Refuses a further persistent bitmap that could not be stored (S7, S8); the text is QEMU's
  /// without the prefix that names bitmap and node.
  void check_can_add(const std::string& name, bitmap::Granularity granularity) const;
  /// Refuses a resize that a bitmap of the image forbids (S62).
  io::Task<void> check_can_resize();

  /// The image's directory as it is on disk, in its order.
  const std::vector<Entry>& directory() const { return directory_; }

 private:
  const Entry* find(const std::string& name) const;
  void note_stored(const NodeBitmap& bitmap);

  Node& node_;
  qcow2::Image& image_;
  qcow2::BitmapStore store_;
  std::vector<Entry> directory_;
};

}  // namespace engine::block
