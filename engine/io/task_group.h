// SPDX-License-Identifier: MIT
#pragma once

#include <list>

#include "engine/io/sync.h"
#include "engine/io/task.h"

namespace engine::io {

/// Tasks that run beside their owner: jobs, requests in flight. A spawned task starts at once and
/// runs until it first waits. It must not end in an exception: who spawns work decides what its
/// failure means, inside the work. Destroying the group destroys what has not finished, and is for
/// the end of a world: a runtime that still runs may hold handles of the destroyed frames.
class TaskGroup {
 public:
  explicit TaskGroup(Runtime& runtime) : one_ended_(runtime) {}

  void spawn(Task<void> work);
  /// How many have not finished.
  std::size_t running() const { return running_; }
  /// Goes on when fewer than `limit` (at least 1) tasks are running.
  Task<void> below(std::size_t limit);
  /// Goes on when all have finished.
  Task<void> join() { return below(1); }

 private:
  Task<void> run(Task<void> work);
  void reap();

  WaitQueue one_ended_;
  std::list<Task<void>> tasks_;
  std::size_t running_ = 0;
};

}  // namespace engine::io
