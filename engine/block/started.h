// SPDX-License-Identifier: MIT
#pragma once

#include <coroutine>

#include "engine/io/task.h"

namespace engine::block {

/// `co_await Started(work)`: waits for a task that has been started already and did not finish at
/// once. `work` must outlive the wait.
class Started {
 public:
  explicit Started(io::Task<void>& work) : work_(work) {}
  bool await_ready() const { return work_.finished(); }
  void await_suspend(std::coroutine_handle<> waiter) { work_.notify(waiter); }
  void await_resume() { work_.take(); }

 private:
  io::Task<void>& work_;
};

}  // namespace engine::block
