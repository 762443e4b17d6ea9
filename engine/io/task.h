// SPDX-License-Identifier: MIT
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "engine/check.h"
#include "engine/io/frame_pool.h"

namespace engine::io {

template <class T>
class Task;

namespace detail {

/// What a promise does whatever its result type: remember who waits, and wake it at the end.
class PromiseBase {
 public:
  static void* operator new(std::size_t size) { return FramePool::allocate(size); }
  static void operator delete(void* frame, std::size_t size) { FramePool::release(frame, size); }

  std::suspend_always initial_suspend() noexcept { return {}; }

  /// Resumes the waiter from inside the finished coroutine, and not by symmetric transfer: that is
  /// a tail call only in optimised builds, and a loop over tasks would eat the stack in the others.
  struct WakeWaiter {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> finished) noexcept {
      if (auto waiter = finished.promise().waiter_) waiter.resume();
    }
    void await_resume() noexcept {}
  };
  WakeWaiter final_suspend() noexcept { return {}; }

  void unhandled_exception() noexcept { error_ = std::current_exception(); }
  void set_waiter(std::coroutine_handle<> waiter) { waiter_ = waiter; }

 protected:
  void rethrow_error() {
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  std::coroutine_handle<> waiter_;
  std::exception_ptr error_;
};

/// A promise with a value.
template <class T>
class Promise : public PromiseBase {
 public:
  Task<T> get_return_object();
  template <class Value>
  void return_value(Value&& value) {
    value_.emplace(std::forward<Value>(value));
  }
  T take() {
    rethrow_error();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

/// A promise without one.
template <>
class Promise<void> : public PromiseBase {
 public:
  Task<void> get_return_object();
  void return_void() {}
  void take() { rethrow_error(); }
};

/// The result of a task that was finished before anybody waited; nothing for void.
template <class T>
class ReadyValue {
 public:
  ReadyValue() = default;
  explicit ReadyValue(T value) : value_(std::move(value)) {}
  T take() { return std::move(*value_); }

 private:
  std::optional<T> value_;
};
/// Nothing, for tasks without a result.
template <>
class ReadyValue<void> {
 public:
  void take() {}
};

}  // namespace detail

/// A piece of work that may have to wait: a lazily started coroutine with one waiter, or an answer
/// that was there at once (`ready`), which costs no coroutine frame.
///
/// `co_await task` runs the work on the spot; only if it cannot finish without waiting does the
/// waiter suspend. Errors are thrown out of the `co_await`. A task is awaited once. Destroying one
/// that has not finished destroys its frame and all it owns: that is how a killed world ends.
///
/// A coroutine's parameters are copied into its frame, references as references: what they refer to
/// must live until the task has finished. GCC 12 miscompiles temporaries of aggregate type inside
/// `co_await` expressions: await named objects or plain calls.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;

  /// A task that is finished already.
  template <class... Value>
  static Task ready(Value&&... value) {
    return Task(detail::ReadyValue<T>(std::forward<Value>(value)...));
  }

  Task(Task&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), ready_(std::move(other.ready_)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(ready_, other.ready_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() { return !handle_ || run_until_waiting(); }
  void await_suspend(std::coroutine_handle<> waiter) { handle_.promise().set_waiter(waiter); }
  T await_resume() { return handle_ ? handle_.promise().take() : ready_.take(); }

  /// For those who drive tasks from outside a coroutine (event loops, TaskGroup): starts the work
  /// and tells whether it finished without waiting.
  bool start() { return await_ready(); }
  bool finished() const { return !handle_ || handle_.done(); }
  /// The result of a finished task; throws what the task threw.
  T take() {
    INVARIANT(finished());
    return await_resume();
  }
  /// Has `waiter` resumed when a started, unfinished task ends.
  void notify(std::coroutine_handle<> waiter) { await_suspend(waiter); }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  explicit Task(detail::ReadyValue<T> ready) : ready_(std::move(ready)) {}

  bool run_until_waiting() {
    handle_.resume();
    return handle_.done();
  }

  std::coroutine_handle<promise_type> handle_;
  [[no_unique_address]] detail::ReadyValue<T> ready_;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace engine::io
