// SPDX-License-Identifier: MIT
#include <vector>

#include "engine/io/file_loop.h"
#include "engine/io/task_group.h"
#include "tests/catch.h"

namespace engine::io {
namespace {

Task<void> note_after(Runtime& runtime, Nanoseconds delay, std::vector<int>& notes, int note) {
  co_await sleep(runtime, delay);
  notes.push_back(note);
}

TEST_CASE("the loop resumes in the order of due times") {
  using std::chrono::milliseconds;
  FileLoop loop;
  const Nanoseconds start = loop.now();
  TaskGroup group(loop);
  std::vector<int> notes;
  group.spawn(note_after(loop, milliseconds(20), notes, 3));
  group.spawn(note_after(loop, milliseconds(0), notes, 1));
  group.spawn(note_after(loop, milliseconds(10), notes, 2));
  loop.run(group.join());
  REQUIRE(notes == std::vector{1, 2, 3});
  REQUIRE(loop.now() - start >= milliseconds(20));
}

Task<int> answer(Runtime& runtime) {
  co_await yield(runtime);
  co_return 42;
}

TEST_CASE("the loop gives the result of what it ran") {
  FileLoop loop;
  REQUIRE(loop.run(answer(loop)) == 42);
  REQUIRE(loop.run(Task<int>::ready(7)) == 7);
}

}  // namespace
}  // namespace engine::io
