// SPDX-License-Identifier: MIT
#include "sim/failing_storage.h"

#include "engine/error.h"
#include "sim/disk.h"
#include "sim/world.h"
#include "tests/catch.h"

using engine::ByteCount;
using engine::HostOffset;
using engine::io::Access;
using engine::io::Locking;
using engine::io::Storage;
using sim::Operation;
using sim::StorageFault;

namespace {

/// A file of 4 KiB of 1s on a simulated disk, below the layer that fails.
struct FailingBench {
  explicit FailingBench(sim::Latency latency = sim::instant_latency)
      : disk(world, latency, sim::Journal::off) {
    disk.add_directory("/d");
    world.run(disk.create("/d/f"));
    world.run(disk.create("/d/other"));
    file = open("/d/f");
    write(1);
  }
  std::unique_ptr<Storage> open(const std::string& path) {
    return world.run(host.open(path, Access::read_write, Locking::on));
  }
  void write(unsigned value) {
    const std::vector<std::byte> data(4096, static_cast<std::byte>(value));
    world.run(file->write(HostOffset{}, std::span<const std::byte>(data)));
  }
  unsigned read() {
    std::vector<std::byte> data(4096, std::byte{0xee});
    world.run(file->read(HostOffset{}, std::span<std::byte>(data)));
    return std::to_integer<unsigned>(data[4095]);
  }
  void zero() {
    world.run(file->write_zeroes(HostOffset{}, ByteCount{4096}, engine::io::Unmap::no));
  }
  void flush() { world.run(file->flush()); }
  void fail(const StorageFault& fault) { faults.set("/d/f", fault); }

  sim::FirstChoice choice;
  sim::World world{choice};
  sim::Disk disk;
  sim::FaultTable faults;
  sim::FailingHost host{disk, world, faults};
  std::unique_ptr<Storage> file;
};

}  // namespace

TEST_CASE("a write that fails changes nothing, and fails until the file works again") {
  for (const sim::Latency latency : {sim::instant_latency, sim::timed_latency}) {
    FailingBench bench(latency);
    bench.fail({Operation::write});
    CHECK_THROWS_WITH(bench.write(2), "Input/output error");
    CHECK_THROWS_WITH(bench.zero(), "Input/output error");
    CHECK_THROWS_WITH(bench.world.run(bench.file->resize(ByteCount{512})), "Input/output error");
    CHECK(bench.read() == 1);
    CHECK(bench.file->size() == ByteCount{4096});
    bench.flush();
    bench.faults.clear("/d/f");
    bench.write(2);
    CHECK(bench.read() == 2);
  }
}

TEST_CASE("a fault that comes once strikes one operation of its kind") {
  FailingBench bench;
  bench.fail({Operation::read, EIO, true});
  bench.fail({Operation::flush, EIO, true});
  bench.write(2);
  CHECK_THROWS_AS(bench.read(), engine::IoError);
  CHECK(bench.read() == 2);
  CHECK_THROWS_AS(bench.flush(), engine::IoError);
  bench.flush();
  CHECK(bench.faults.empty());
}

TEST_CASE("a fault can wait, has its own errno, and belongs to one file") {
  FailingBench bench;
  bench.fail({Operation::write, ENOSPC, false, 2});
  const std::unique_ptr<Storage> other = bench.open("/d/other");
  bench.world.run(other->resize(ByteCount{512}));
  bench.write(2);
  bench.zero();
  CHECK_THROWS_WITH(bench.write(3), "No space left on device");
  bench.world.run(other->resize(ByteCount{1024}));
  CHECK(bench.read() == 0);
}

TEST_CASE("an operation that nobody waits for has not begun, and meets no fault") {
  FailingBench bench;
  bench.fail({Operation::write, EIO, true});
  const std::vector<std::byte> data(512, std::byte{2});
  { const auto dropped = bench.file->write(HostOffset{}, std::span<const std::byte>(data)); }
  CHECK_THROWS_AS(bench.write(2), engine::IoError);
  CHECK(bench.read() == 1);
}

TEST_CASE("who only looks meets no fault, and uses none up") {
  FailingBench bench;
  bench.fail({Operation::read, EIO, true});
  {
    const sim::FaultTable::Pause looking(bench.faults);
    CHECK(bench.read() == 1);
  }
  CHECK_THROWS_AS(bench.read(), engine::IoError);
}

TEST_CASE("a fault outlives the opening of its file, and strikes who opens it later") {
  FailingBench bench;
  bench.fail({Operation::write});
  bench.file.reset();
  bench.file = bench.open("/d/f");
  CHECK_THROWS_AS(bench.write(2), engine::IoError);
  bench.faults.set("/d/f", {Operation::write, EIO, true, 1});
  bench.write(3);
  CHECK_THROWS_AS(bench.write(4), engine::IoError);
  CHECK(bench.read() == 3);
}
