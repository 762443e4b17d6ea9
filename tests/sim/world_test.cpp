// SPDX-License-Identifier: MIT
#include "sim/world.h"

#include <string>

#include "engine/io/task_group.h"
#include "tests/catch.h"

using engine::io::Nanoseconds;
using engine::io::Task;
using sim::World;

namespace {

Task<void> mark_after(World& world, Nanoseconds delay, char letter, std::string& trace) {
  engine::io::sleep pause(world, delay);
  co_await pause;
  trace.push_back(letter);
}

Task<void> wait_for_ever(engine::io::WaitQueue& queue) { co_await queue.wait(); }

/// Ten tasks that wake at only three different times; answers the order they woke in.
std::string order_of_wakes(sim::Choice& choice) {
  World world(choice);
  engine::io::TaskGroup group(world);
  std::string trace;
  for (int i = 0; i < 10; ++i) {
    const char letter = static_cast<char>('a' + i);
    Task<void> work = mark_after(world, Nanoseconds(i % 3), letter, trace);
    group.spawn(std::move(work));
  }
  world.run(group.join());
  return trace;
}

}  // namespace

TEST_CASE("events of a world go by time, then by sequence") {
  sim::FirstChoice first;
  CHECK(order_of_wakes(first) == "adgjbehcfi");
}

TEST_CASE("a seed decides among events of one time, and does so again") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    sim::SeededChoice once(seed), again(seed);
    CHECK(order_of_wakes(once) == order_of_wakes(again));
  }
  sim::SeededChoice one(1), two(2);
  CHECK(order_of_wakes(one) != order_of_wakes(two));
}

TEST_CASE("virtual time jumps to the next event") {
  sim::FirstChoice first;
  World world(first);
  std::string trace;
  world.run(mark_after(world, std::chrono::hours(24), 'x', trace));
  CHECK(world.now() == std::chrono::hours(24));
  CHECK(world.events() == 1);
}

TEST_CASE("a task that nothing can wake is a stuck world, not a hang") {
  sim::FirstChoice first;
  World world(first);
  engine::io::WaitQueue queue(world);
  CHECK_THROWS_AS(world.run(wait_for_ever(queue)), sim::Stuck);
}

TEST_CASE("a killed world drops who waits") {
  sim::FirstChoice first;
  World world(first);
  std::string trace;
  {
    Task<void> task = mark_after(world, Nanoseconds(5), 'x', trace);
    REQUIRE_FALSE(task.start());
    world.drop_waiters();
  }
  CHECK_FALSE(world.step());
  CHECK(trace.empty());
}
