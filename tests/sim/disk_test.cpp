// SPDX-License-Identifier: MIT
#include "sim/disk.h"

#include <rapidcheck.h>

#include <algorithm>
#include <cstring>

#include "engine/error.h"
#include "engine/io/checked_storage.h"
#include "sim/world.h"
#include "tests/catch.h"

using engine::ByteCount;
using engine::HostOffset;
using engine::io::Access;
using engine::io::Locking;
using engine::io::Storage;
using sim::Disk;
using sim::World;

namespace {

/// A world with a disk, and the verbs of these tests.
struct Bench {
  explicit Bench(sim::Latency latency, sim::Journal journal = sim::Journal::off)
      : disk(world, latency, journal) {
    disk.add_directory("/d");
  }
  std::unique_ptr<Storage> create(const std::string& path) { return world.run(disk.create(path)); }
  std::unique_ptr<Storage> open(const std::string& path, Access access) {
    return world.run(disk.open(path, access, Locking::on));
  }
  void write(Storage& file, std::uint64_t offset, const std::vector<std::byte>& data) {
    world.run(file.write(HostOffset{offset}, std::span<const std::byte>(data)));
  }
  std::vector<std::byte> read(Storage& file, std::uint64_t offset, std::size_t length) {
    std::vector<std::byte> data(length, std::byte{0xee});
    world.run(file.read(HostOffset{offset}, std::span<std::byte>(data)));
    return data;
  }

  sim::SeededChoice choice{7};
  World world{choice};
  Disk disk;
};

std::vector<std::byte> bytes(std::size_t length, unsigned value) {
  return std::vector<std::byte>(length, static_cast<std::byte>(value));
}

/// The disk against the plainest possible one: a vector of bytes.
void behaves_as_an_array(sim::Latency latency) {
  Bench bench(latency);
  const std::unique_ptr<Storage> file = bench.create("/d/f");
  std::vector<std::byte> twin;
  const int steps = *rc::gen::inRange(1, 30);
  for (int i = 0; i < steps; ++i) {
    const auto offset = *rc::gen::inRange<std::uint64_t>(0, 70'000);
    const auto length = *rc::gen::inRange<std::uint64_t>(0, 40'000);
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        bench.world.run(file->resize(ByteCount{offset}));
        twin.resize(offset);
        break;
      case 1: {
        const ByteCount count{length};
        bench.world.run(file->write_zeroes(HostOffset{offset}, count, engine::io::Unmap::yes));
        twin.resize(std::max<std::size_t>(twin.size(), offset + length));
        std::fill_n(twin.begin() + static_cast<std::ptrdiff_t>(offset), length, std::byte{0});
        break;
      }
      default: {
        const std::vector<std::byte> data = bytes(length, static_cast<unsigned>(i + 1));
        bench.write(*file, offset, data);
        if (length > 0) twin.resize(std::max<std::size_t>(twin.size(), offset + length));
        std::copy(data.begin(), data.end(), twin.begin() + static_cast<std::ptrdiff_t>(offset));
      }
    }
    twin.resize(file->size().value);
  }
  std::vector<std::byte> seen = bench.read(*file, 0, twin.size() + 100);
  twin.resize(twin.size() + 100);
  RC_ASSERT(seen == twin);
}

}  // namespace

TEST_CASE("a simulated file is an array of bytes") {
  CHECK(rc::check("instant", [] { behaves_as_an_array(sim::instant_latency); }));
  CHECK(rc::check("timed", [] { behaves_as_an_array(sim::timed_latency); }));
}

TEST_CASE("a terabyte file costs nothing until it is filled") {
  Bench bench(sim::instant_latency);
  const auto file = bench.create("/d/f");
  const std::uint64_t tebibyte = std::uint64_t{1} << 40;
  bench.world.run(file->resize(ByteCount{tebibyte}));
  bench.write(*file, tebibyte - 512, bytes(512, 0xa5));
  CHECK(bench.read(*file, tebibyte - 512, 512) == bytes(512, 0xa5));
  CHECK(bench.read(*file, tebibyte / 2, 512) == bytes(512, 0));
  bench.world.run(file->resize(ByteCount{512}));
  CHECK(file->size() == ByteCount{512});
}

TEST_CASE("a range ends, for who asks, where only a hole is left") {
  Bench bench(sim::instant_latency);
  const auto file = bench.create("/d/f");
  bench.world.run(file->resize(ByteCount{1 << 20}));
  bench.write(*file, 5000, bytes(10, 1));
  bench.write(*file, 100000, bytes(10, 1));
  const auto before_hole = [&](std::uint64_t start, std::uint64_t length) {
    return file->before_hole(HostOffset{start}, ByteCount{length}).value;
  };
  CHECK(before_hole(0, 4096) == 0);
  CHECK(before_hole(0, 65536) == 8192);
  CHECK(before_hole(0, 5005) == 5005);
  CHECK(before_hole(6000, 50000) == 2192);
  CHECK(before_hole(0, 1 << 20) == 102400);
  CHECK(before_hole(200000, 500000) == 0);
}

TEST_CASE("files outlive their openings; time passes only with latency") {
  Bench bench(sim::timed_latency);
  bench.write(*bench.create("/d/f"), 0, bytes(512, 1));
  CHECK(bench.read(*bench.open("/d/f", Access::read_only), 0, 512) == bytes(512, 1));
  CHECK(bench.world.now().count() > 0);
  Bench instant(sim::instant_latency);
  instant.write(*instant.create("/d/f"), 0, bytes(512, 1));
  CHECK(instant.world.now().count() == 0);
}

TEST_CASE("openings exclude each other as QEMU's locks do") {
  Bench bench(sim::instant_latency);
  bench.create("/d/f");
  {
    const auto writer = bench.open("/d/f", Access::read_write);
    CHECK_THROWS_WITH(bench.open("/d/f", Access::read_write), "Failed to get \"write\" lock");
    CHECK_THROWS_WITH(bench.open("/d/f", Access::read_only), "Failed to get shared \"write\" lock");
    CHECK_THROWS_WITH(bench.create("/d/f"), "Failed to get \"write\" lock");
  }
  const auto reader = bench.open("/d/f", Access::read_only);
  const auto second = bench.open("/d/f", Access::read_only);
  CHECK_THROWS_WITH(bench.world.run(second->set_access(Access::read_write)),
                    "Failed to get \"write\" lock");
  CHECK_THROWS_WITH(bench.open("/d/f", Access::read_write), "Failed to get \"write\" lock");
}

TEST_CASE("who does not share reading keeps readers out, and has none to begin with") {
  Bench bench(sim::instant_latency);
  bench.create("/d/f");
  const auto look = [&] {
    return bench.world.run(bench.disk.open("/d/f", Access::read_only, Locking::shared));
  };
  const auto first = bench.open("/d/f", Access::read_only);
  {
    const auto second = look();
    CHECK_THROWS_WITH(first->share_reads(false), "Failed to get shared \"consistent read\" lock");
  }
  bench.open("/d/f", Access::read_only);
  first->share_reads(false);
  CHECK_THROWS_WITH(bench.open("/d/f", Access::read_only),
                    "Failed to get \"consistent read\" lock");
  CHECK_THROWS_WITH(bench.open("/d/f", Access::read_write),
                    "Failed to get \"consistent read\" lock");
  CHECK_THROWS_WITH(look(), "Failed to get \"consistent read\" lock");
  CHECK_THROWS_WITH(bench.create("/d/f"), "Failed to get \"write\" lock");
  bench.world.run(bench.disk.open("/d/f", Access::read_only, Locking::off));
  first->share_reads(true);
  look();
  bench.open("/d/f", Access::read_only);
}

TEST_CASE("an opening that shares all may be anywhere but where readers are kept out") {
  Bench bench(sim::instant_latency);
  auto writer = bench.create("/d/f");
  const auto onlooker =
      bench.world.run(bench.disk.open("/d/f", Access::read_only, Locking::shared));
  writer.reset();
  bench.open("/d/f", Access::read_write);
}

TEST_CASE("what is open takes time from when the disk does") {
  Bench bench(sim::instant_latency);
  const auto file = bench.create("/d/f");
  bench.write(*file, 0, bytes(512, 1));
  CHECK(bench.world.now().count() == 0);
  bench.disk.set_latency(sim::timed_latency);
  bench.write(*file, 0, bytes(512, 2));
  CHECK(bench.world.now().count() > 0);
}

TEST_CASE("missing files and directories are refused in QEMU's words") {
  Bench bench(sim::instant_latency);
  CHECK_THROWS_WITH(bench.open("/d/x", Access::read_only),
                    "Could not open '/d/x': No such file or directory");
  CHECK_THROWS_WITH(bench.open("/d", Access::read_only),
                    "'file' driver requires '/d' to be a regular file");
  CHECK_THROWS_WITH(bench.create("/e/x"), "Could not create '/e/x': No such file or directory");
}

TEST_CASE("a power cut keeps what was flushed and any part of the rest") {
  bool kept = false, dropped = false, torn = false;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    sim::FirstChoice choice;
    World world(choice);
    Disk disk(world, sim::instant_latency, sim::Journal::on);
    disk.add_directory("/d");
    const std::vector<std::byte> safe = bytes(1024, 1), loose = bytes(1024, 2);
    auto file = world.run(disk.create("/d/f"));
    world.run(file->write(HostOffset{0}, std::span<const std::byte>(safe)));
    world.run(file->flush());
    world.run(file->write(HostOffset{1024}, std::span<const std::byte>(loose)));
    file.reset();
    disk.power_cut(sim::Kept::seeded(seed));
    file = world.run(disk.open("/d/f", Access::read_only, Locking::on));
    std::vector<std::byte> seen(2048);
    world.run(file->read(HostOffset{0}, std::span<std::byte>(seen)));
    REQUIRE(std::equal(safe.begin(), safe.end(), seen.begin()));
    const bool first = seen[1024] == std::byte{2}, second = seen[1536] == std::byte{2};
    kept |= first && second;
    dropped |= !first && !second;
    torn |= first != second;
  }
  CHECK((kept && dropped && torn));
}

namespace {

/// Remembers what it is told, and is the end of the disk at operation number `last`.
struct Watcher : sim::DiskWatcher {
  explicit Watcher(std::size_t end) : last(end) {}
  bool about_to(const sim::DiskOperation& operation) override {
    seen.push_back(operation);
    return seen.size() < last;
  }
  std::size_t last;
  std::vector<sim::DiskOperation> seen;
};

}  // namespace

TEST_CASE("a watcher is told of operations before they take effect, and can let none happen") {
  for (const sim::Latency latency : {sim::instant_latency, sim::timed_latency}) {
    Bench bench(latency);
    Watcher watcher(4);
    bench.disk.watch(&watcher);
    const auto file = bench.create("/d/f");
    bench.write(*file, 0, bytes(512, 1));
    bench.world.run(file->flush());
    CHECK_THROWS_AS(bench.write(*file, 512, bytes(512, 2)), sim::Stuck);
    CHECK_THROWS_AS(bench.read(*file, 0, 512), sim::Stuck);
    REQUIRE(watcher.seen.size() == 5);
    CHECK(watcher.seen[0].kind == sim::DiskOperation::Kind::create);
    CHECK(watcher.seen[1].kind == sim::DiskOperation::Kind::write);
    CHECK(watcher.seen[1].path == "/d/f");
    CHECK(watcher.seen[3].offset == 512);
    bench.disk.watch(nullptr);
    CHECK(file->size() == ByteCount{512});
  }
}

TEST_CASE("a power cut keeps of each file what is listed, whole or by sectors") {
  sim::FirstChoice choice;
  World world(choice);
  Disk disk(world, sim::instant_latency, sim::Journal::on);
  disk.add_directory("/d");
  for (const char* path : {"/d/b", "/d/a"}) {
    auto file = world.run(disk.create(path));
    world.run(file->flush());
    const std::vector<std::byte> data = bytes(1536, 7);
    world.run(file->write(HostOffset{256}, std::span<const std::byte>(data)));
    world.run(file->write_zeroes(HostOffset{0}, ByteCount{512}, engine::io::Unmap::no));
  }
  const std::vector<sim::Unflushed> changes = disk.unflushed();
  REQUIRE(changes.size() == 4);
  CHECK(changes[0].path == "/d/a");
  CHECK(changes[0].sectors() == 4);
  CHECK(changes[1].kind == sim::Unflushed::Kind::zero);
  disk.power_cut(*sim::Kept::parse("1.0,1.2,3,4"));
  std::vector<std::byte> a = bytes(1536, 0);
  std::fill(a.begin() + 256, a.begin() + 512, std::byte{7});
  std::fill(a.begin() + 1024, a.end(), std::byte{7});
  sim::DiskFiles files = disk.files();
  REQUIRE(files["/d/a"].size() == 1536);
  std::vector<std::byte> seen(1536);
  files["/d/a"].read(0, seen);
  CHECK(seen == a);
  CHECK(files["/d/b"].size() == 1792);
  CHECK(disk.unflushed().empty());
}
