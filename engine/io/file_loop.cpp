// SPDX-License-Identifier: MIT
#include "engine/io/file_loop.h"

#include <thread>

namespace engine::io {

FileLoop::FileLoop() : start_(std::chrono::steady_clock::now()) {}

Nanoseconds FileLoop::now() const { return std::chrono::steady_clock::now() - start_; }

void FileLoop::resume_at(Nanoseconds due, std::coroutine_handle<> waiter) {
  if (due <= now()) {
    runnable_.push_back(waiter);
  } else {
    timers_.push({due, sequence_++, waiter});
  }
}

void FileLoop::resume_next() {
  move_expired_timers();
  if (runnable_.empty()) {
    INVARIANT(!timers_.empty());
    std::this_thread::sleep_until(start_ + timers_.top().due);
    move_expired_timers();
  }
  const std::coroutine_handle<> next = runnable_.front();
  runnable_.pop_front();
  next.resume();
}

void FileLoop::move_expired_timers() {
  while (!timers_.empty() && timers_.top().due <= now()) {
    runnable_.push_back(timers_.top().waiter);
    timers_.pop();
  }
}

}  // namespace engine::io
