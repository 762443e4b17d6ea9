// SPDX-License-Identifier: MIT
#include "engine/block/node_bitmap.h"

#include "engine/error.h"

namespace engine::block {
namespace {

void require_not_readonly(const NodeBitmap& bitmap) {
  if (bitmap.readonly) {
    throw Refusal("Bitmap '" + bitmap.name + "' is readonly and cannot be modified");
  }
}

void require_consistent(const NodeBitmap& bitmap) {
  if (bitmap.inconsistent) {
    throw Refusal("Bitmap '" + bitmap.name + "' is inconsistent and cannot be used");
  }
}

}  // namespace

void require_may_modify(const NodeBitmap& bitmap) {
  require_not_readonly(bitmap);
  require_consistent(bitmap);
}

void require_may_remove(const NodeBitmap& bitmap) { require_not_readonly(bitmap); }

void require_may_switch(const NodeBitmap& bitmap) { require_consistent(bitmap); }

}  // namespace engine::block
