// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace engine::io {

/// Memory for coroutine frames: per thread, free lists by size class, because a guest request makes
/// and drops half a dozen frames of the same few sizes. Frames larger than the largest class come
/// from the heap. A frame must be released on the thread that allocated it. Under
/// AddressSanitizer every frame comes from the heap, so that use after free is seen.
class FramePool {
 public:
  static void* allocate(std::size_t size);
  static void release(void* frame, std::size_t size) noexcept;
};

}  // namespace engine::io
