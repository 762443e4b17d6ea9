// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "engine/io/runtime.h"
#include "engine/io/task_group.h"

namespace engine::job {

class Job;

/// Hears of a job's life: where events come from (S86-S88). Must not call back.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void status_changed(const Job& job) = 0;
  virtual void ready(const Job& job) = 0;
  virtual void pending(const Job& job) = 0;
  virtual void completed(const Job& job) = 0;
  virtual void cancelled(const Job& job) = 0;
  /// `operation` is "read" or "write", `action` is "report", "ignore" or "stop".
  virtual void error(const Job& job, std::string_view operation, std::string_view action) = 0;
};

/// What every job needs of the world.
struct Surroundings {
  io::Runtime& runtime;
  io::TaskGroup& timers;  ///< for timers that may outlive their job; never joined
  Observer& observer;
};

}  // namespace engine::job
