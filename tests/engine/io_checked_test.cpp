// SPDX-License-Identifier: MIT
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "engine/io/checked_storage.h"
#include "engine/io/file_loop.h"
#include "engine/io/task_group.h"
#include "tests/catch.h"

namespace engine::io {
namespace {

/// Remembers nothing, and takes one turn of the loop for each operation if it is slow.
class DullStorage final : public Storage {
 public:
  DullStorage(Runtime& runtime, bool slow) : runtime_(runtime), slow_(slow) {}

  ByteCount size() const override { return {1000}; }
  Access access() const override { return access_; }
  Task<void> set_access(Access access) override {
    access_ = access;
    return turn();
  }
  Task<void> resize(ByteCount) override { return turn(); }
  Task<void> read(HostOffset, std::span<std::byte>) override { return turn(); }
  Task<void> write(HostOffset, std::span<const std::byte>) override { return turn(); }
  Task<void> write_zeroes(HostOffset, ByteCount, Unmap) override { return turn(); }
  Task<void> flush() override { return turn(); }

 private:
  Task<void> turn() { return slow_ ? later() : Task<void>::ready(); }
  Task<void> later() { co_await yield(runtime_); }

  Runtime& runtime_;
  bool slow_;
  Access access_ = Access::read_write;
};

/// A checked storage and the loop that serves it.
struct Bench {
  FileLoop loop;
  CheckedStorage file{std::make_unique<DullStorage>(loop, true), {10'000}};
  TaskGroup group{loop};
  std::vector<std::byte> bytes = std::vector<std::byte>(100);

  void write(std::uint64_t at) { group.spawn(file.write({at}, bytes)); }
  void read(std::uint64_t at) { group.spawn(file.read({at}, bytes)); }
  void zero(std::uint64_t at) { group.spawn(file.write_zeroes({at}, {100}, Unmap::no)); }
  void flush() { group.spawn(file.flush()); }
  void resize(std::uint64_t size) { group.spawn(file.resize({size})); }
  void set_access(Access access) { group.spawn(file.set_access(access)); }
  void finish() { loop.run(group.join()); }
};

/// Whether the story ends in a failed INVARIANT; it is told in a process of its own.
bool aborts(const std::function<void(Bench&)>& story) {
  const pid_t process = fork();
  if (process == 0) {
    signal(SIGABRT, SIG_DFL);  // Catch's handler would report a failed test
    close(2);
    {
      Bench bench;
      story(bench);
    }
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(process, &status, 0) == process);
  if (WIFEXITED(status)) REQUIRE(WEXITSTATUS(status) == 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

TEST_CASE("what the contract allows passes the checker") {
  REQUIRE_FALSE(aborts([](Bench& bench) {
    bench.write(0);
    bench.write(100);
    bench.zero(200);
    bench.read(300);
    bench.read(350);
    bench.flush();
    bench.finish();
    bench.write(0);
    bench.finish();
    bench.resize(10'000);
    bench.finish();
    bench.set_access(Access::read_only);
    bench.finish();
    bench.read(9900);
    bench.finish();
  }));
}

TEST_CASE("overlapping requests in flight are caught") {
  REQUIRE(aborts([](Bench& bench) { bench.write(0), bench.write(99); }));
  REQUIRE(aborts([](Bench& bench) { bench.write(99), bench.read(0); }));
  REQUIRE(aborts([](Bench& bench) { bench.read(0), bench.write(99); }));
  REQUIRE(aborts([](Bench& bench) { bench.read(99), bench.zero(0); }));
}

TEST_CASE("changing the whole file while requests are in flight is caught") {
  REQUIRE(aborts([](Bench& bench) { bench.read(0), bench.resize(5000); }));
  REQUIRE(aborts([](Bench& bench) { bench.flush(), bench.set_access(Access::read_only); }));
  REQUIRE(aborts([](Bench& bench) { bench.resize(5000), bench.read(0); }));
}

TEST_CASE("changing a read-only file is caught") {
  const auto read_only = [](Bench& bench) {
    bench.set_access(Access::read_only);
    bench.finish();
  };
  REQUIRE_FALSE(aborts([&](Bench& bench) { read_only(bench), bench.read(0), bench.finish(); }));
  REQUIRE(aborts([&](Bench& bench) { read_only(bench), bench.write(0), bench.finish(); }));
  REQUIRE(aborts([&](Bench& bench) { read_only(bench), bench.zero(0), bench.finish(); }));
  REQUIRE(aborts([&](Bench& bench) { read_only(bench), bench.resize(0), bench.finish(); }));
}

TEST_CASE("ranges past the limit are caught") {
  REQUIRE_FALSE(aborts([](Bench& bench) { bench.write(9900), bench.finish(); }));
  REQUIRE(aborts([](Bench& bench) { bench.write(9901), bench.finish(); }));
  REQUIRE(aborts([](Bench& bench) { bench.read(~std::uint64_t{0} - 50), bench.finish(); }));
  REQUIRE(aborts([](Bench& bench) { bench.resize(10'001), bench.finish(); }));
}

TEST_CASE("a storage destroyed with requests in flight is caught") {
  REQUIRE(aborts([](Bench& bench) {
    auto file = std::make_unique<CheckedStorage>(std::make_unique<DullStorage>(bench.loop, true),
                                                 CheckedStorage::no_limit);
    Task<void> task = file->flush();
    task.start();
    file.reset();
  }));
}

TEST_CASE("a request that is dropped is no longer in flight") {
  REQUIRE_FALSE(aborts([](Bench& bench) {
    {
      Task<void> task = bench.file.write({0}, bench.bytes);
      task.start();
    }
    Task<void> task = bench.file.write({0}, bench.bytes);
    task.start();
  }));
}

TEST_CASE("the checker adds no suspension and no frame") {
  FileLoop loop;
  CheckedStorage file(std::make_unique<DullStorage>(loop, false), CheckedStorage::no_limit);
  std::vector<std::byte> bytes(100);
  REQUIRE(file.read({0}, bytes).finished());
  REQUIRE(file.write({0}, bytes).finished());
  REQUIRE(file.flush().finished());
}

}  // namespace
}  // namespace engine::io
