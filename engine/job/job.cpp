// SPDX-License-Identifier: MIT
#include "engine/job/job.h"

#include <cerrno>
#include <utility>

#include "engine/check.h"
#include "engine/error.h"

namespace engine::job {

Job::Job(Surroundings surroundings, JobOptions options)
    : surroundings_(surroundings),
      options_(std::move(options)),
      alarm_(surroundings.runtime, surroundings.timers),
      status_waiters_(surroundings.runtime),
      rate_(options_.speed),
      finalized_(options_.finalize == Step::automatic) {}

void Job::set_status(Status status) {
  status_ = status;
  const bool passes = status == Status::waiting || status == Status::aborting ||
                      (status == Status::pending && options_.finalize == Step::automatic);
  if (!passes) shown_ = status;
  surroundings_.observer.status_changed(*this);
  status_waiters_.wake_all();
}

io::Task<void> Job::run() {
  set_status(Status::created);
  set_status(Status::running);
  io::Task<void> preparing = prepare();
  bool success = co_await attempt(preparing);
  prepared_ = true;
  status_waiters_.wake_all();
  co_await io::yield(runtime());
  if (success) {
    io::Task<void> working = work();
    success = co_await attempt(working);
  }
  if (success && !cancelled_) {
    set_status(Status::waiting);
    set_status(Status::pending);
    if (options_.finalize == Step::by_command) co_await wait_for_finalize();
  }
  // Whoever cancels from here on comes too late.
  success = success && !cancelled_;
  if (success) {
    io::Task<void> committing = commit();
    success = co_await attempt(committing);
  }
  if (!success) {
    set_status(Status::aborting);
    io::Task<void> aborting = abort();
    co_await attempt(aborting);
  }
  conclude(success);
}

bool Job::ending(io::Nanoseconds patience) const {
  if (status_ == Status::concluded || status_ == Status::null) return false;
  if (cancelled_ || !error_.empty()) return true;
  const bool held_by_client = user_paused_ || (status_ == Status::pending && !finalized_);
  if (held_by_client) return false;
  if (asked_to_complete_) return true;
  return ends_by_itself() && rate_.delay(runtime().now()) <= patience;
}

io::Task<void> Job::until_prepared() {
  while (!prepared_) co_await status_waiters_.wait();
}

io::Task<bool> Job::attempt(io::Task<void>& step) {
  try {
    co_await step;
  } catch (const Refusal& refusal) {
    error_ = refusal.what();
    co_return false;
  }
  co_return true;
}

void Job::abandon() {
  set_status(Status::created);
  set_status(Status::null);
}

io::Task<void> Job::wait_for_finalize() {
  surroundings_.observer.pending(*this);
  const Waiting waiting(*this);
  while (!finalized_ && !cancelled_) co_await alarm_.wait();
}

void Job::conclude(bool success) {
  if (!success && cancelled_ && error_.empty()) {
    error_ = "Operation canceled";
    surroundings_.observer.cancelled(*this);
  } else {
    surroundings_.observer.completed(*this);
  }
  set_status(Status::concluded);
  if (options_.dismiss == Step::automatic) set_status(Status::null);
}

void Job::require(Verb verb) const {
  if (accepts(status_, verb)) return;
  throw Refusal("Job '" + id() + "' in state '" + std::string(to_string(status_)) +
                "' cannot accept command verb '" + std::string(to_string(verb)) + "'");
}

void Job::complete() {
  require(Verb::complete);
  if (soft_cancelled_ || cancelled_) {
    throw Refusal("The active block job '" + id() + "' cannot be completed");
  }
  asked_to_complete_ = true;
  wake();
}

io::Task<void> Job::cancel(CancelMode mode) {
  require(Verb::cancel);
  const bool is_pending = status_ == Status::pending;
  const bool is_ready = status_ == Status::ready || status_ == Status::standby;
  if (mode == CancelMode::soft && is_ready) {
    // Who was told to complete before does that (M58).
    soft_cancelled_ = soft_cancelled_ || !asked_to_complete_;
    asked_to_complete_ = true;
  } else {
    cancelled_ = true;
  }
  user_paused_ = false;
  wake();
  co_await until_awake();
  if (is_pending) co_await until_concluded();
}

io::Task<void> Job::until_concluded() {
  while (status_ != Status::concluded && status_ != Status::null) co_await status_waiters_.wait();
}

io::Task<void> Job::until_awake() {
  while (status_ == Status::paused || status_ == Status::standby) co_await status_waiters_.wait();
}

io::Task<void> Job::pause() {
  require(Verb::pause);
  if (user_paused_) throw Refusal("Job is already paused");
  user_paused_ = true;
  wake();
  // Until it rests, or is past the point where it could.
  while (accepts(status_, Verb::pause) && status_ != Status::paused && status_ != Status::standby) {
    co_await status_waiters_.wait();
  }
}

io::Task<void> Job::resume() {
  if (!user_paused_) throw Refusal("Can't resume a job that was not paused");
  require(Verb::resume);
  user_paused_ = false;
  io_error_ = 0;
  wake();
  co_await until_awake();
}

void Job::set_speed(std::int64_t bytes_per_second) {
  require(Verb::set_speed);
  if (bytes_per_second < 0) throw Refusal("Parameter 'speed' expects a non-negative value");
  rate_.set_speed(static_cast<std::uint64_t>(bytes_per_second));
  wake();
}

io::Task<void> Job::finalize() {
  require(Verb::finalize);
  finalized_ = true;
  wake();
  co_await until_concluded();
}

io::Task<void> Job::dismiss() {
  require(Verb::dismiss);
  set_status(Status::null);
  co_await clean_up();
}

void Job::become_ready() {
  INVARIANT(status_ == Status::running);
  set_status(Status::ready);
  surroundings_.observer.ready(*this);
}

io::Task<void> Job::pause_point() {
  if (!user_paused_ || cancelled_) co_return;
  const Status before = status_;
  set_status(before == Status::ready ? Status::standby : Status::paused);
  {
    const Waiting waiting(*this);
    while (user_paused_ && !cancelled_) co_await alarm_.wait();
  }
  set_status(before);
}

io::Task<void> Job::obey_rate(ByteCount moved) {
  rate_.spend(runtime().now(), moved);
  io::Nanoseconds delay = rate_.delay(runtime().now());
  if (delay == io::Nanoseconds::zero()) {
    co_await io::yield(runtime());
    co_return;
  }
  while (delay > io::Nanoseconds::zero() && !cancelled_) {
    {
      const Waiting waiting(*this);
      co_await alarm_.wait_for(delay);
    }
    co_await pause_point();
    delay = rate_.delay(runtime().now());
  }
}

io::Task<void> Job::decide(std::string operation, int code, std::string error) {
  const bool no_space = code == ENOSPC;
  if (options_.on_error == OnError::ignore) {
    surroundings_.observer.error(*this, operation, "ignore");
    co_await io::yield(runtime());
    co_return;
  }
  if (options_.on_error == OnError::stop || (options_.on_error == OnError::enospc && no_space)) {
    user_paused_ = true;
    io_error_ = code;
    surroundings_.observer.error(*this, operation, "stop");
    co_await pause_point();
    co_return;
  }
  surroundings_.observer.error(*this, operation, "report");
  throw Refusal(error);
}

}  // namespace engine::job
