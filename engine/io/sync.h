// SPDX-License-Identifier: MIT
#pragma once

#include <coroutine>
#include <utility>

#include "engine/check.h"
#include "engine/io/runtime.h"
#include "engine/io/task.h"

namespace engine::io {

/// Coroutines that wait for something to change, woken in the order they came. A wake-up goes
/// through the runtime, so the waker runs on first; the woken must test its condition again.
/// A waiter whose frame is destroyed leaves the queue.
class WaitQueue {
 public:
  explicit WaitQueue(Runtime& runtime) : runtime_(runtime) {}
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;
  ~WaitQueue() {
    while (first_ != nullptr) unlink(*first_);
  }

  /// An awaitable place in the queue.
  class Waiter {
   public:
    explicit Waiter(WaitQueue& queue) : queue_(&queue) {}
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() {
      if (linked_) queue_->unlink(*this);
    }

    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      handle_ = handle;
      queue_->link(*this);
    }
    void await_resume() const {}

   private:
    friend WaitQueue;
    WaitQueue* queue_;
    std::coroutine_handle<> handle_;
    Waiter* next_ = nullptr;
    Waiter* previous_ = nullptr;
    bool linked_ = false;
  };

  /// `co_await queue.wait()`: sleeps until woken.
  Waiter wait() { return Waiter(*this); }
  bool empty() const { return first_ == nullptr; }
  void wake_one() {
    if (Waiter* waiter = first_) {
      unlink(*waiter);
      runtime_.resume_at(runtime_.now(), waiter->handle_);
    }
  }
  void wake_all() {
    while (first_ != nullptr) wake_one();
  }
  Runtime& runtime() const { return runtime_; }

 private:
  void link(Waiter& waiter) {
    waiter.linked_ = true;
    waiter.previous_ = last_;
    (last_ != nullptr ? last_->next_ : first_) = &waiter;
    last_ = &waiter;
  }
  void unlink(Waiter& waiter) {
    (waiter.previous_ != nullptr ? waiter.previous_->next_ : first_) = waiter.next_;
    (waiter.next_ != nullptr ? waiter.next_->previous_ : last_) = waiter.previous_;
    waiter.next_ = waiter.previous_ = nullptr;
    waiter.linked_ = false;
  }

  Runtime& runtime_;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

/// Mutual exclusion between coroutines across their suspension points; fair enough: a released
/// mutex wakes the longest waiter.
class Mutex {
 public:
  explicit Mutex(Runtime& runtime) : released_(runtime) {}

  /// Held from lock() to its destruction.
  class Guard {
   public:
    explicit Guard(Mutex& mutex) : mutex_(&mutex) {}
    Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (mutex_ != nullptr) mutex_->unlock();
    }

   private:
    Mutex* mutex_;
  };

  /// `Mutex::Guard guard = co_await mutex.lock();`
  Task<Guard> lock() {
    if (locked_) return lock_later();
    locked_ = true;
    return Task<Guard>::ready(Guard(*this));
  }
  bool locked() const { return locked_; }

 private:
  Task<Guard> lock_later() {
    while (locked_) co_await released_.wait();
    locked_ = true;
    co_return Guard(*this);
  }
  void unlock() {
    INVARIANT(locked_);
    locked_ = false;
    released_.wake_one();
  }

  WaitQueue released_;
  bool locked_ = false;
};

}  // namespace engine::io
