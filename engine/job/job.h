// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/io/task_group.h"
#include "engine/io/units.h"
#include "engine/job/alarm.h"
#include "engine/job/job_options.h"
#include "engine/job/observer.h"
#include "engine/job/rate_limit.h"
#include "engine/job/status.h"

namespace engine::job {

/// A long piece of work on the graph, with QEMU's life cycle (S81-S91). The work is a coroutine:
/// run() lives in a TaskGroup; verbs are called by commands between its turns.
class Job {
 public:
  Job(Surroundings surroundings, JobOptions options);
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;

  virtual std::string_view type() const = 0;
  const JobOptions& options() const { return options_; }
  const std::string& id() const { return options_.id; }
  Status status() const { return status_; }
  /// The status for queries: what a job passes through on its way to its end nobody sees (S87).
  Status shown_status() const { return shown_; }
  std::uint64_t speed() const { return rate_.speed(); }
  /// Bytes moved, and bytes moved plus those known to remain (S92).
  virtual ByteCount offset() const = 0;
  virtual ByteCount length() const = 0;
  bool busy() const { return !waiting_ && status_ != Status::concluded; }
  /// Whether a client paused it (S84).
  bool user_paused() const { return user_paused_; }
  bool paused() const {
    return user_paused_ || (status_ == Status::pending && drained_while_pending());
  }
  /// Of the I/O error that paused it; 0 if none did since a client resumed it.
  int io_error() const { return io_error_; }
  /// Whether it comes to its end without a further command: it was told to end, has failed, or ends
  /// by itself and is not held back by its rate for longer than `patience`.
  bool ending(io::Nanoseconds patience) const;
  /// Empty: none so far.
  const std::string& error() const { return error_; }

  /// The whole life from running on; ends when the job is concluded, and null if it dismisses
  /// itself.
  io::Task<void> run();
  /// Goes on when the job has made its preparations: the command that starts it waits so long.
  io::Task<void> until_prepared();
  /// Announces the end of a job that was never run.
  void abandon();

  // Verbs. Each throws Refusal for a state that does not accept it (S82).

  void complete();
  /// Soft on a job that is ready ends it where it stands, as complete without its effect (S89). A
  /// job that only waits to be finalized has ended when this goes on.
  io::Task<void> cancel(CancelMode mode);
  /// Goes on when the job has come to rest.
  io::Task<void> pause();
  /// Goes on when the job does.
  io::Task<void> resume();
  void set_speed(std::int64_t bytes_per_second);
  /// Goes on when the job has ended.
  io::Task<void> finalize();
  /// Goes on when the job has let go of everything.
  io::Task<void> dismiss();

 protected:
  /// What comes before everything else, while nobody else gives commands. Throws Refusal.
  virtual io::Task<void> prepare() { return io::Task<void>::ready(); }
  /// Everything up to the point where only the graph is left to change. Throws Refusal. Must return
  /// soon after cancelled() turns true.
  virtual io::Task<void> work() = 0;
  /// Changes the graph after success, soft cancels included.
  virtual io::Task<void> commit() = 0;
  /// Puts back what work() changed, after a failure or a cancel.
  virtual io::Task<void> abort() = 0;
  /// Lets go of what a concluded job keeps until it is dismissed.
  virtual io::Task<void> clean_up() { return io::Task<void>::ready(); }
  /// Whether guests wait while the client has not finalized the job (S90).
  virtual bool drained_while_pending() const { return false; }
  /// Whether work() returns without having been told to.
  virtual bool ends_by_itself() const { return false; }
  /// Called whenever something happened that a waiting job has to look at.
  virtual void wake() { alarm_.ring(); }

  io::Runtime& runtime() const { return surroundings_.runtime; }
  bool cancelled() const { return cancelled_; }
  bool asked_to_complete() const { return asked_to_complete_; }
  bool ends_without_effect() const { return soft_cancelled_; }
  void become_ready();
  /// Rests for as long as the client wants it.
  io::Task<void> pause_point();
  /// Waits until the rate limit allows more.
  io::Task<void> obey_rate(ByteCount moved);
  /// Decides about an I/O error: returns to have the work tried again, or throws `error`.
  io::Task<void> decide(std::string operation, int code, std::string error);
  /// While it lives, the job counts as not busy.
  class Waiting {
   public:
    explicit Waiting(Job& job) : job_(job) { job_.waiting_ = true; }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { job_.waiting_ = false; }

   private:
    Job& job_;
  };

 private:
  void require(Verb verb) const;
  void set_status(Status status);
  io::Task<void> wait_for_finalize();
  io::Task<void> until_concluded();
  /// Goes on once the job has left its pause.
  io::Task<void> until_awake();
  io::Task<bool> attempt(io::Task<void>& step);
  void conclude(bool success);

  Surroundings surroundings_;
  JobOptions options_;
  Status status_ = Status::created;
  Status shown_ = Status::created;
  Alarm alarm_;
  io::WaitQueue status_waiters_;
  RateLimit rate_;
  std::string error_;
  bool prepared_ = false;
  bool waiting_ = false;
  bool user_paused_ = false;
  int io_error_ = 0;
  bool cancelled_ = false;
  bool soft_cancelled_ = false;
  bool asked_to_complete_ = false;
  bool finalized_;
};

}  // namespace engine::job
