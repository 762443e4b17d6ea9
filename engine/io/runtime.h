// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <coroutine>

namespace engine::io {

/// Time since the runtime was made. The engine knows no other time.
using Nanoseconds = std::chrono::nanoseconds;

/// The engine's whole notion of time and turns; half of the seam (the other half is storage.h).
/// Single-threaded: every call and every resumption happens on one thread. Which of several
/// runnable coroutines goes next is the runtime's choice, and the simulation's to explore.
class Runtime {
 public:
  virtual ~Runtime() = default;

  virtual Nanoseconds now() const = 0;
  /// Resumes `waiter` from the event loop, never from inside this call, once now() >= `due`.
  /// A due time that has passed means "as soon as others had their turn". A runtime that is being
  /// torn down drops the waiter instead.
  virtual void resume_at(Nanoseconds due, std::coroutine_handle<> waiter) = 0;
};

/// `co_await sleep(runtime, duration)`: goes on after `duration`, which may be zero: then the
/// others that can run have their turn first.
class sleep {
 public:
  sleep(Runtime& runtime, Nanoseconds duration) : runtime_(runtime), duration_(duration) {}

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    runtime_.resume_at(runtime_.now() + duration_, waiter);
  }
  void await_resume() const {}

 private:
  Runtime& runtime_;
  Nanoseconds duration_;
};

/// `co_await yield(runtime)`: lets everybody else who can run have a turn.
inline sleep yield(Runtime& runtime) { return {runtime, Nanoseconds::zero()}; }

}  // namespace engine::io
