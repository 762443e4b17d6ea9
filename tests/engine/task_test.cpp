// SPDX-License-Identifier: MIT
#include "engine/io/task.h"

#include <deque>
#include <stdexcept>
#include <vector>

#include "engine/io/sync.h"
#include "engine/io/task_group.h"
#include "tests/catch.h"

namespace engine::io {
namespace {

/// Runs what is due in the order it was asked for; time passes by itself.
class TestRuntime : public Runtime {
 public:
  Nanoseconds now() const override { return now_; }
  void resume_at(Nanoseconds due, std::coroutine_handle<> waiter) override {
    queue_.push_back({due, waiter});
  }
  void run() {
    while (!queue_.empty()) {
      auto [due, waiter] = queue_.front();
      queue_.pop_front();
      now_ = std::max(now_, due);
      waiter.resume();
    }
  }

 private:
  Nanoseconds now_{0};
  std::deque<std::pair<Nanoseconds, std::coroutine_handle<>>> queue_;
};

Task<int> at_once(int value) { co_return value; }
Task<int> after_a_turn(Runtime& runtime, int value) {
  co_await yield(runtime);
  co_return value;
}
Task<int> failing(Runtime& runtime, bool late) {
  if (late) co_await yield(runtime);
  throw std::runtime_error("failed");
}
Task<long> sum_of_many(int count) {
  long sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await at_once(i);
  co_return sum;
}

TEST_CASE("a task that need not wait finishes when started") {
  Task<int> task = at_once(7);
  REQUIRE(task.start());
  REQUIRE(task.take() == 7);
}

TEST_CASE("a ready task needs no coroutine") { REQUIRE(Task<int>::ready(7).take() == 7); }

TEST_CASE("a task that waits finishes from the event loop") {
  TestRuntime runtime;
  Task<int> task = after_a_turn(runtime, 7);
  REQUIRE_FALSE(task.start());
  runtime.run();
  REQUIRE(task.take() == 7);
}

TEST_CASE("errors come out of the await, late or early") {
  TestRuntime runtime;
  for (bool late : {false, true}) {
    Task<int> task = failing(runtime, late);
    task.start();
    runtime.run();
    REQUIRE_THROWS_AS(task.take(), std::runtime_error);
  }
}

TEST_CASE("a loop of a million awaits does not grow the stack") {
  Task<long> task = sum_of_many(1'000'000);
  REQUIRE(task.start());
  REQUIRE(task.take() == 499'999'500'000L);
}

TEST_CASE("a mutex serves in order and a group joins") {
  TestRuntime runtime;
  Mutex mutex(runtime);
  TaskGroup group(runtime);
  std::vector<int> order;
  auto work = [&](int id) -> Task<void> {
    Mutex::Guard guard = co_await mutex.lock();
    co_await yield(runtime);
    order.push_back(id);
  };
  for (int id : {1, 2, 3}) group.spawn(work(id));
  REQUIRE(group.running() == 3);
  Task<void> all = group.join();
  REQUIRE_FALSE(all.start());
  runtime.run();
  REQUIRE(all.finished());
  REQUIRE(order == std::vector{1, 2, 3});
}

TEST_CASE("an unfinished task is destroyed with what it owns") {
  TestRuntime runtime;
  auto owned = std::make_shared<int>(1);
  {
    auto hold = [&runtime](std::shared_ptr<int>) -> Task<void> { co_await yield(runtime); };
    Task<void> task = hold(owned);
    task.start();
    REQUIRE(owned.use_count() == 2);
  }
  REQUIRE(owned.use_count() == 1);
}

}  // namespace
}  // namespace engine::io
