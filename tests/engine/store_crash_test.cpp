// SPDX-License-Identifier: MIT
#include <cstring>
#include <optional>
#include <set>

#include "engine/error.h"
#include "engine/qcow2/bitmap_store.h"
#include "engine/qcow2/check.h"
#include "engine/qcow2/header.h"
#include "tests/catch.h"
#include "tests/engine/qcow2_world.h"

namespace tests {
namespace {

using bitmap::DirtyBits;
using bitmap::Granularity;

/// A file in memory that remembers each write and flush, so that the file can be had as a power cut
/// at any moment could leave it.
class RecordingStorage final : public io::Storage {
 public:
  explicit RecordingStorage(Bytes start) : start_(start), now_(std::move(start)) {}

  ByteCount size() const override { return {now_.size()}; }
  io::Access access() const override { return io::Access::read_write; }
  io::Task<void> set_access(io::Access) override { return io::Task<void>::ready(); }
  io::Task<void> resize(ByteCount size) override {
    now_.resize(size.value);
    return io::Task<void>::ready();
  }
  io::Task<void> read(HostOffset offset, std::span<std::byte> buffer) override {
    for (std::size_t i = 0; i < buffer.size(); ++i) {
      const std::uint64_t at = offset.value + i;
      buffer[i] = at < now_.size() ? now_[at] : std::byte{0};
    }
    return io::Task<void>::ready();
  }
  io::Task<void> write(HostOffset offset, std::span<const std::byte> data) override {
    events_.push_back(Write{offset.value, Bytes(data.begin(), data.end())});
    apply(now_, *events_.back());
    return io::Task<void>::ready();
  }
  io::Task<void> write_zeroes(HostOffset offset, ByteCount length, io::Unmap) override {
    return write(offset, Bytes(length.value));
  }
  io::Task<void> flush() override {
    events_.push_back(std::nullopt);
    return io::Task<void>::ready();
  }

  /// The files that a power cut before event number `moment` could leave, as far as they are tried:
  /// of the writes since the last flush none, all, all but one, and only one have arrived.
  std::vector<Bytes> after_power_cut(std::size_t moment) const {
    Bytes durable = start_;
    std::vector<Write> open;
    for (std::size_t i = 0; i < moment; ++i) {
      if (events_[i]) {
        open.push_back(*events_[i]);
      } else {
        for (const Write& write : open) apply(durable, write);
        open.clear();
      }
    }
    std::vector<Bytes> files{durable, with(durable, open)};
    for (std::size_t chosen = 0; chosen < open.size(); ++chosen) {
      std::vector<Write> others = open;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(chosen));
      files.push_back(with(durable, others));
      files.push_back(with(durable, {open[chosen]}));
    }
    return files;
  }
  std::size_t moments() const { return events_.size() + 1; }

 private:
  struct Write {
    std::uint64_t offset;
    Bytes data;
  };
  static void apply(Bytes& file, const Write& write) {
    if (file.size() < write.offset + write.data.size())
      file.resize(write.offset + write.data.size());
    std::memcpy(file.data() + write.offset, write.data.data(), write.data.size());
  }
  static Bytes with(Bytes file, const std::vector<Write>& writes) {
    for (const Write& write : writes) apply(file, write);
    return file;
  }

  Bytes start_;
  Bytes now_;
  std::vector<std::optional<Write>> events_;  ///< nothing: a flush
};

constexpr std::uint64_t disk_size = 1 << 20;

/// What a fresh opening finds: names, IN_USE, and how many bits are set.
using State = std::vector<std::string>;

State state_in(io::Storage& file) {
  TestRuntime runtime;
  const auto image = runtime.run(Image::open(runtime, file, {}));
  BitmapStore store(*image);
  State state;
  for (const StoredBitmap& bitmap : runtime.run(store.load())) {
    state.push_back(bitmap.name + (bitmap.in_use ? " in use" : " ") +
                    (bitmap.bits ? std::to_string(bitmap.bits->count()) : ""));
  }
  return state;
}

State state_of(const Bytes& bytes) {
  MemoryStorage file;
  file.bytes = bytes;
  file.opened = io::Access::read_only;
  return state_in(file);
}

DirtyBits bits_of(std::uint64_t count) {
  DirtyBits bits({disk_size}, Granularity(512));
  if (count != 0) bits.set({0}, {count * 512});
  return bits;
}

io::Task<void> store_counts(BitmapStore& store, std::vector<std::pair<std::string, int>> counts) {
  std::vector<DirtyBits> bits;
  for (const auto& [name, count] : counts) bits.push_back(bits_of(count));
  std::vector<BitmapToStore> bitmaps;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    bitmaps.push_back({counts[i].first, true, &bits[i]});
  }
  co_await store.store(bitmaps);
}

/// An image with the bitmaps a (one bit), b (two) and c (three), closed; tiny clusters, so that
/// bitmaps take several.
Bytes image_with_bitmaps() {
  CreateOptions options;
  options.size = {disk_size};
  options.cluster_size = {512};
  Disk disk(options);
  disk.write(0, pattern(4096, 1));
  BitmapStore store(disk.image());
  disk.run(store_counts(store, {{"a", 1}, {"b", 2}, {"c", 3}}));
  disk.close();
  return disk.file().bytes;
}

/// Does something with the bitmaps of an opened image; `work` gets the store.
using Work = io::Task<void> (*)(BitmapStore&);

/// Runs the work and then cuts the power at every moment of it: gives all states seen, and insists
/// that none has corrupt metadata.
std::set<State> states_after_power_cuts(const Bytes& start, Work work) {
  RecordingStorage file(start);
  TestRuntime runtime;
  auto image = runtime.run(Image::open(runtime, file, {}));
  BitmapStore store(*image);
  runtime.run(work(store));
  runtime.run(image->prepare_read_only());
  std::set<State> states;
  for (std::size_t moment = 0; moment < file.moments(); ++moment) {
    for (const Bytes& bytes : file.after_power_cut(moment)) {
      MemoryStorage survivor;
      survivor.bytes = bytes;
      const CheckReport report = runtime.run(check(survivor));
      CAPTURE(moment);
      REQUIRE(report.corruptions == 0);
      states.insert(state_of(bytes));
    }
  }
  MemoryStorage last;
  last.bytes = file.after_power_cut(file.moments() - 1).at(1);
  REQUIRE(runtime.run(check(last)).findings.empty());
  return states;
}

/// Runs the work with every operation of it failing in turn, and all after it: gives all states
/// seen after that.
std::set<State> states_after_failures(const Bytes& start, Work work) {
  std::set<State> states;
  for (std::uint64_t successes = 0;; ++successes) {
    MemoryStorage file;
    file.bytes = start;
    TestRuntime runtime;
    auto image = runtime.run(Image::open(runtime, file, {}));
    BitmapStore store(*image);
    file.successes_left = successes;
    bool failed = false;
    try {
      runtime.run(work(store));
    } catch (const IoError& error) {
      failed = error.code() == EIO;
    }
    file.successes_left = ~std::uint64_t{0};
    REQUIRE(runtime.run(check(file)).corruptions == 0);
    states.insert(state_of(file.bytes));
    if (!failed) return states;
  }
}

io::Task<void> mark_all(BitmapStore& store) {
  const std::vector<std::string> names = co_await store.read_names();
  co_await store.mark_in_use(names);
}
io::Task<void> store_some(BitmapStore& store) {
  return store_counts(store, {{"b", 20}, {"a", 10}, {"new", 2048}});
}
io::Task<void> remove_one(BitmapStore& store) {
  const std::string name = "b";
  co_await store.remove(name);
}
io::Task<void> remove_the_only(BitmapStore& store) {
  const std::string name = "only";
  co_await store.remove(name);
}

const State stored{"a 1", "b 2", "c 3"};
const State none{};
const State all_in_use{"a in use", "b in use", "c in use"};
const State some_stored{"a 10", "b 20", "c in use", "new 2048"};
const State one_removed{"a 1", "c 3"};

Bytes image_in_use() {
  RecordingStorage file(image_with_bitmaps());
  TestRuntime runtime;
  auto image = runtime.run(Image::open(runtime, file, {}));
  BitmapStore store(*image);
  runtime.run(mark_all(store));
  return file.after_power_cut(file.moments() - 1).front();
}

Bytes image_with_one_bitmap() {
  CreateOptions options;
  options.size = {disk_size};
  options.cluster_size = {512};
  Disk disk(options);
  BitmapStore store(disk.image());
  disk.run(store_counts(store, {{"only", 1}}));
  disk.close();
  return disk.file().bytes;
}

TEST_CASE("marking bitmaps in use survives a power cut at any moment") {
  REQUIRE(states_after_power_cuts(image_with_bitmaps(), mark_all) ==
          std::set<State>{stored, none, all_in_use});
}

TEST_CASE("storing bitmaps survives a power cut at any moment") {
  REQUIRE(states_after_power_cuts(image_in_use(), store_some) ==
          std::set<State>{all_in_use, some_stored});
}

TEST_CASE("removing bitmaps survives a power cut at any moment") {
  REQUIRE(states_after_power_cuts(image_with_bitmaps(), remove_one) ==
          std::set<State>{stored, one_removed});
  REQUIRE(states_after_power_cuts(image_with_one_bitmap(), remove_the_only) ==
          std::set<State>{State{"only 1"}, none});
}

TEST_CASE("a failure while bitmaps are stored or removed leaves the old ones or the new ones") {
  REQUIRE(states_after_failures(image_in_use(), store_some) ==
          std::set<State>{all_in_use, some_stored});
  REQUIRE(states_after_failures(image_with_bitmaps(), remove_one) ==
          std::set<State>{stored, one_removed});
}

TEST_CASE("storing nothing writes nothing") {
  RecordingStorage file(image_with_bitmaps());
  TestRuntime runtime;
  auto image = runtime.run(Image::open(runtime, file, {}));
  BitmapStore store(*image);
  const std::size_t before = file.moments();
  const std::vector<BitmapToStore> nothing;
  runtime.run(store.store(nothing));
  runtime.run(store.mark_in_use({}));
  const std::string name = "missing";
  runtime.run(store.remove(name));
  REQUIRE(file.moments() == before);
}

TEST_CASE("a bitmap over a disk of no size cannot be stored") {
  CreateOptions options;
  options.size = {0};
  Disk disk(options);
  BitmapStore store(disk.image());
  const DirtyBits bits({0}, Granularity(65536));
  const std::vector<BitmapToStore> bitmaps{{"b", true, &bits}};
  REQUIRE_THROWS_WITH(disk.run(store.store(bitmaps)), "No memory");
}

}  // namespace
}  // namespace tests
