// SPDX-License-Identifier: MIT
#include "engine/io/task_group.h"

#include <utility>

namespace engine::io {

void TaskGroup::spawn(Task<void> work) {
  reap();
  ++running_;
  Task<void> task = run(std::move(work));
  if (task.start()) return task.take();
  tasks_.push_back(std::move(task));
}

Task<void> TaskGroup::run(Task<void> work) {
  bool failed = false;
  try {
    co_await work;
  } catch (...) {
    failed = true;
  }
  INVARIANT(!failed);
  --running_;
  one_ended_.wake_all();
}

Task<void> TaskGroup::below(std::size_t limit) {
  while (running_ >= limit) co_await one_ended_.wait();
}

void TaskGroup::reap() {
  tasks_.remove_if([](const Task<void>& task) { return task.finished(); });
}

}  // namespace engine::io
