// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "engine/io/runtime.h"
#include "engine/io/sync.h"
#include "engine/io/task_group.h"

namespace engine::job {

/// A wait that ends by time or by being rung, whichever comes first. A runtime's timers cannot be
/// called off: a timer that nobody waits for any more rings for nobody, and `timers` must not be
/// waited for.
class Alarm {
 public:
  Alarm(io::Runtime& runtime, io::TaskGroup& timers)
      : timers_(timers), bell_(std::make_shared<io::WaitQueue>(runtime)) {}

  /// Ends the waits that are under way.
  void ring() {
    ++rings_;
    bell_->wake_all();
  }
  /// Goes on when somebody rings.
  io::Task<void> wait();
  /// Goes on when somebody rings, or after `duration`.
  io::Task<void> wait_for(io::Nanoseconds duration);

 private:
  io::TaskGroup& timers_;
  std::shared_ptr<io::WaitQueue> bell_;
  unsigned rings_ = 0;
};

}  // namespace engine::job
