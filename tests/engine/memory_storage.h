// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <coroutine>
#include <cstring>
#include <vector>

#include "engine/check.h"
#include "engine/error.h"
#include "engine/io/runtime.h"
#include "engine/io/storage.h"

namespace tests {

using namespace engine;

/// A runtime for tests: time jumps to whatever is due next, and of several that are due a seeded
/// generator picks one.
class TestRuntime final : public io::Runtime {
 public:
  explicit TestRuntime(std::uint64_t seed = 1) : state_(seed * 2 + 1) {}

  io::Nanoseconds now() const override { return now_; }
  void resume_at(io::Nanoseconds due, std::coroutine_handle<> waiter) override {
    waiting_.push_back({std::max(due, now_), waiter});
  }
  /// A number below `limit`.
  std::uint64_t choose(std::uint64_t limit) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % limit;
  }
  /// Lets one waiter go on. False if there is none.
  bool step() {
    if (waiting_.empty()) return false;
    const auto earliest = std::min_element(waiting_.begin(), waiting_.end(), by_due)->due;
    std::vector<std::size_t> due;
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      if (waiting_[i].due == earliest) due.push_back(i);
    }
    const std::size_t chosen = due[choose(due.size())];
    const Waiter waiter = waiting_[chosen];
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(chosen));
    now_ = waiter.due;
    waiter.handle.resume();
    return true;
  }
  /// Forgets all waiters: their frames are gone.
  void drop_all() { waiting_.clear(); }
  /// Runs everything until `task` has finished; gives its result.
  template <class T>
  T run(io::Task<T> task) {
    bool finished = task.start();
    while (!finished) {
      INVARIANT(step());
      finished = task.finished();
    }
    return task.take();
  }

 private:
  struct Waiter {
    io::Nanoseconds due;
    std::coroutine_handle<> handle;
  };
  static bool by_due(const Waiter& a, const Waiter& b) { return a.due < b.due; }

  std::uint64_t state_;
  io::Nanoseconds now_{0};
  std::vector<Waiter> waiting_;
};

/// A file in memory. With a runtime every operation waits, twice for a write, so that requests
/// overlap; without one everything finishes at once.
class MemoryStorage final : public io::Storage {
 public:
  explicit MemoryStorage(TestRuntime* runtime = nullptr) : runtime_(runtime) {
    if (spare().empty()) return;
    bytes = std::move(spare().back());
    spare().pop_back();
  }
  ~MemoryStorage() override {
    bytes.clear();
    if (spare().size() < 16) spare().push_back(std::move(bytes));
  }

  std::vector<std::byte> bytes;
  io::Access opened = io::Access::read_write;
  /// How many more operations succeed; all later ones fail with EIO.
  std::uint64_t successes_left = ~std::uint64_t{0};
  std::uint64_t operations = 0;
  /// The number of an operation that fails, alone; 0: none. If it is a write it may arrive all the
  /// same.
  std::uint64_t failing_operation = 0;
  bool failed_write_arrives = false;
  /// The file as the last flush left it, and the writes since then, in case of a power cut.
  std::vector<std::byte> durable;
  struct Write {
    std::uint64_t at;
    std::vector<std::byte> data;
  };
  std::vector<Write> unflushed;
  bool remembers_unflushed = false;
  std::uint64_t flushes = 0;

  ByteCount size() const override { return {bytes.size()}; }
  /// All zeros are holes here.
  ByteCount before_hole(HostOffset start, ByteCount length) const override {
    std::uint64_t end = std::min<std::uint64_t>(bytes.size(), (start + length).value);
    while (end > start.value && bytes[end - 1] == std::byte{0}) --end;
    return {end > start.value ? end - start.value : 0};
  }
  io::Access access() const override { return opened; }
  io::Task<void> set_access(io::Access access) override {
    opened = access;
    return io::Task<void>::ready();
  }
  io::Task<void> resize(ByteCount size) override {
    co_await begin();
    bytes.resize(size.value);
  }
  io::Task<void> read(HostOffset offset, std::span<std::byte> buffer) override {
    co_await begin();
    std::fill(buffer.begin(), buffer.end(), std::byte{0});
    if (offset.value >= bytes.size()) co_return;
    const std::size_t there = std::min(buffer.size(), bytes.size() - offset.value);
    std::memcpy(buffer.data(), bytes.data() + offset.value, there);
  }
  io::Task<void> write(HostOffset offset, std::span<const std::byte> data) override {
    INVARIANT(opened == io::Access::read_write);
    const bool arrives = failed_write_arrives && operations + 1 == failing_operation;
    if (!arrives) co_await begin();
    extend(offset.value + data.size());
    std::memcpy(bytes.data() + offset.value, data.data(), data.size());
    if (remembers_unflushed) unflushed.push_back({offset.value, {data.begin(), data.end()}});
    if (arrives) co_await begin();
    if (runtime_ != nullptr) co_await io::yield(*runtime_);
  }
  io::Task<void> write_zeroes(HostOffset offset, ByteCount length, io::Unmap) override {
    INVARIANT(opened == io::Access::read_write);
    co_await begin();
    extend(offset.value + length.value);
    std::memset(bytes.data() + offset.value, 0, length.value);
    if (remembers_unflushed)
      unflushed.push_back({offset.value, std::vector<std::byte>(length.value)});
  }
  io::Task<void> flush() override {
    co_await begin();
    ++flushes;
    if (remembers_unflushed) durable = bytes;
    unflushed.clear();
  }

 private:
  /// The memory of files that are gone: fetching pages anew for the next ones costs more than most
  /// tests do.
  static std::vector<std::vector<std::byte>>& spare() {
    static std::vector<std::vector<std::byte>> all;
    return all;
  }
  void extend(std::size_t size) {
    if (size > std::size_t{1} << 28) throw IoError(EFBIG);
    if (bytes.size() < size) bytes.resize(size);
  }
  io::Task<void> begin() {
    const std::uint64_t number = ++operations;
    if (runtime_ != nullptr) co_await io::yield(*runtime_);
    if (successes_left == 0 || number == failing_operation) throw IoError(EIO);
    --successes_left;
  }

  TestRuntime* runtime_;
};

}  // namespace tests
