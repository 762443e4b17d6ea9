// SPDX-License-Identifier: MIT
#include "engine/qcow2/pointer_table.h"

#include "tests/catch.h"
#include "tests/engine/memory_storage.h"

namespace engine::qcow2 {
namespace {

constexpr HostOffset place{4096};
constexpr std::uint64_t entries = 100000;

/// A table of which the file holds the third entry, and then a hole.
struct MostlyHole {
  MostlyHole() {
    file.bytes.resize(place.value + entries * 8);
    store_big<std::uint64_t>(file.bytes.data() + place.value + 16, 0x70000);
    runtime.run(table.load(place, entries));
  }
  std::uint64_t in_file(std::uint64_t index) const {
    return load_big<std::uint64_t>(file.bytes.data() + place.value + index * 8);
  }

  tests::TestRuntime runtime;
  tests::MemoryStorage file;
  PointerTable table{file};
};

TEST_CASE("of a table only what is before a hole is read, and it is as long as it is") {
  MostlyHole world;
  CHECK(world.table.size() == entries);
  CHECK(world.table.filled().size() == 64);
  CHECK(world.table[2] == 0x70000);
  CHECK(world.table[3] == 0);
  CHECK(world.table[entries - 1] == 0);
}

TEST_CASE("an entry in the hole is kept, and written with its sector") {
  MostlyHole world;
  world.table.set(1000, 0x80000);
  world.table.set(entries - 1, 0x90000);
  CHECK(world.table[1000] == 0x80000);
  CHECK(world.table[999] == 0);
  world.runtime.run(world.table.write_back());
  CHECK(world.in_file(2) == 0x70000);
  CHECK(world.in_file(1000) == 0x80000);
  CHECK(world.in_file(entries - 1) == 0x90000);
  CHECK(world.file.bytes.size() == place.value + entries * 8);
  world.runtime.run(world.table.load(place, entries));
  CHECK(world.table[1000] == 0x80000);
  CHECK(world.table[entries - 1] == 0x90000);
}

TEST_CASE("a table that is a hole is read as zeros, one sector of it in any case") {
  MostlyHole world;
  const std::uint64_t before = world.file.operations;
  world.runtime.run(world.table.load({1 << 20}, entries));
  CHECK(world.file.operations == before + 1);
  CHECK(world.table[0] == 0);
  CHECK(world.table[entries - 1] == 0);
}

}  // namespace
}  // namespace engine::qcow2
