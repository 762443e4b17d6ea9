// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "engine/bitmap/dirty_bits.h"

namespace engine::block {

/// Whether a bitmap follows the writes to its node.
enum class Recording { off, on };
/// Whether a bitmap goes into the image when its node is closed or turns read-only (S45).
enum class Lifetime { transient, persistent };

/// A dirty bitmap of a node: the bits and what may be done with them.
struct NodeBitmap {
  std::string name;  ///< empty: a job's own bitmap, which no command can name (S13)
  bitmap::DirtyBits bits;
  Recording recording = Recording::on;
  Lifetime lifetime = Lifetime::transient;
  bool readonly = false;      ///< its image cannot take changes (S49, S50)
  bool inconsistent = false;  ///< found IN_USE in the image: contents unknown (S48)

  bool persistent() const { return lifetime == Lifetime::persistent; }
  /// What a query calls recording; never true while inconsistent (S32, S34).
  bool records() const { return recording == Recording::on && !inconsistent; }
};

/// What a command is about to do with a bitmap. Refused in the order readonly, inconsistent, in
/// QEMU's words (S14); none is ever busy, which only jobs make it that we have not.
void require_may_modify(const NodeBitmap& bitmap);  ///< clear, merge into (S16, S18)
void require_may_remove(const NodeBitmap& bitmap);  ///< inconsistent is fine (S15)
void require_may_switch(const NodeBitmap& bitmap);  ///< enable, disable, merge from (S17, S18)

}  // namespace engine::block
