// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <vector>

#include "engine/io/runtime.h"
#include "engine/io/task.h"

namespace engine::io {

/// The runtime of a process that works on real files: the engine's one real clock (the steady
/// one). Coroutines go in the order in which they became due.
class FileLoop final : public Runtime {
 public:
  FileLoop();

  Nanoseconds now() const override;
  void resume_at(Nanoseconds due, std::coroutine_handle<> waiter) override;

  /// Runs `task`, and whoever else can run meanwhile, until it has finished; gives its result or
  /// throws what it threw. It must not wait for something that nobody is going to do.
  template <class T>
  T run(Task<T> task) {
    if (!task.start()) {
      while (!task.finished()) resume_next();
    }
    return task.take();
  }

 private:
  struct Timer {
    Nanoseconds due;
    std::uint64_t sequence;
    std::coroutine_handle<> waiter;
    bool operator>(const Timer& other) const {
      return due != other.due ? due > other.due : sequence > other.sequence;
    }
  };

  void resume_next();
  void move_expired_timers();

  std::chrono::steady_clock::time_point start_;
  std::deque<std::coroutine_handle<>> runnable_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::uint64_t sequence_ = 0;
};

}  // namespace engine::io
