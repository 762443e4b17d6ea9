// SPDX-License-Identifier: MIT
#include "engine/io/frame_pool.h"

#include <array>
#include <new>
#include <utility>

namespace engine::io {
namespace {

constexpr std::size_t class_bytes = 64;
constexpr std::size_t classes = 32;  // frames up to 2 KiB are pooled

#ifdef __SANITIZE_ADDRESS__
constexpr bool pooled = false;
#else
constexpr bool pooled = true;
#endif

struct FreeFrame {
  FreeFrame* next;
};

struct FreeLists {
  std::array<FreeFrame*, classes> heads{};

  ~FreeLists() {
    for (FreeFrame* head : heads) {
      while (head != nullptr) ::operator delete(std::exchange(head, head->next));
    }
  }
};

thread_local FreeLists free_lists;

std::size_t class_of(std::size_t size) { return (size + class_bytes - 1) / class_bytes - 1; }

}  // namespace

void* FramePool::allocate(std::size_t size) {
  const std::size_t index = class_of(size);
  if (!pooled || index >= classes) return ::operator new(size);
  FreeFrame*& head = free_lists.heads[index];
  if (head == nullptr) return ::operator new((index + 1) * class_bytes);
  FreeFrame* frame = head;
  head = frame->next;
  return frame;
}

void FramePool::release(void* frame, std::size_t size) noexcept {
  const std::size_t index = class_of(size);
  if (!pooled || index >= classes) return ::operator delete(frame);
  FreeFrame*& head = free_lists.heads[index];
  head = new (frame) FreeFrame{head};
}

}  // namespace engine::io
