// SPDX-License-Identifier: MIT
#pragma once

#include <coroutine>
#include <cstdint>
#include <deque>
#include <functional>
#include <stdexcept>
#include <vector>

#include "engine/io/runtime.h"
#include "engine/io/task.h"
#include "sim/choice.h"

namespace sim {

/// A task waits and nothing is left that could end its wait, or it never comes to rest.
class Stuck : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Virtual time and the queue of everything that waits for it, ordered by (time, sequence). Nothing
/// sleeps: when nobody can run, the clock jumps to the next event. Which of several events of one
/// time goes first is the Choice's to say.
class World : public engine::io::Runtime {
 public:
  /// Requires that `choice` outlives the world.
  explicit World(Choice& choice) : choice_(choice) {}

  engine::io::Nanoseconds now() const override { return now_; }
  void resume_at(engine::io::Nanoseconds due, std::coroutine_handle<> waiter) override;

  /// Runs one event; false if none is queued.
  bool step();
  /// Runs up to `events` events, those that come within `time`, and tells how many there were.
  std::uint64_t run_events(std::uint64_t events, engine::io::Nanoseconds time);
  /// Runs until `done` holds or nothing is queued; tells whether it holds. Throws Stuck after
  /// `patience` events.
  bool run_until(const std::function<bool()>& done);
  /// Runs until `task` has finished, and answers what it answers. Throws Stuck.
  template <class T>
  T run(engine::io::Task<T> task) {
    if (!task.start()) finish([&] { return task.finished(); });
    return task.take();
  }

  /// Forgets everybody who waits: the end of a process. The frames belong to their tasks.
  void drop_waiters();
  bool idle() const { return ready_.empty() && later_.empty(); }
  /// Where everything in this world asks that is left open.
  Choice& choice() const { return choice_; }
  /// How many events ran so far.
  std::uint64_t events() const { return events_; }

  /// How many events one wait may take before the world counts as stuck.
  static constexpr std::uint64_t patience = 100'000'000;

 private:
  struct Event {
    engine::io::Nanoseconds due;
    std::uint64_t sequence;
    std::coroutine_handle<> waiter;
    /// Orders a heap with the earliest on top.
    friend bool operator<(const Event& a, const Event& b) {
      return a.due != b.due ? a.due > b.due : a.sequence > b.sequence;
    }
  };

  void finish(const std::function<bool()>& done);
  void advance();

  Choice& choice_;
  engine::io::Nanoseconds now_{0};
  std::uint64_t sequence_ = 0;
  std::uint64_t events_ = 0;
  std::deque<std::coroutine_handle<>> ready_;  ///< due now, in order of their sequence
  std::vector<Event> later_;                   ///< a heap
};

}  // namespace sim
