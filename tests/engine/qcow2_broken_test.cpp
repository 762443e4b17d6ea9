// SPDX-License-Identifier: MIT
#include <rapidcheck.h>

#include "engine/io/task_group.h"
#include "engine/qcow2/bytes.h"
#include "engine/qcow2/header.h"
#include "tests/catch.h"
#include "tests/engine/qcow2_world.h"

namespace tests {
namespace {

/// An image of 64 KiB clusters with some data: header, refcount table, refcount block, L1 table, L2
/// table, data.
struct Victim {
  static constexpr std::size_t refcount_table = 0x10000;
  static constexpr std::size_t refcount_block = 0x20000;
  static constexpr std::size_t l1 = 0x30000;
  static constexpr std::size_t l2 = 0x40000;

  Disk disk{{.size = {1 << 20}}};
  Victim() {
    disk.write(0, pattern(200000, 1));
    disk.close();
  }
  template <class T>
  void patch(std::size_t at, T value) {
    store_big<T>(disk.file().bytes.data() + at, value);
  }
  /// The text of what opening it says; "ok" if nothing.
  std::string open(io::Access access) {
    try {
      disk.open(access);
    } catch (const Refusal& refusal) {
      return refusal.what();
    }
    return "ok";
  }
  std::string write(std::uint64_t at) {
    try {
      disk.write(at, pattern(1000, 2));
    } catch (const Refusal& refusal) {
      return refusal.what();
    }
    return "ok";
  }
};

struct BadField {
  std::size_t at;
  unsigned bytes;
  std::uint64_t value;
  std::string text;
};

TEST_CASE("a header that cannot be is refused in qemu's words") {
  // Each line was asked of QEMU 7.2 with the same bytes.
  const std::vector<BadField> fields = {
      {0, 4, 1, "Image is not in qcow2 format"},
      {4, 4, 4, "Unsupported qcow2 version 4"},
      {20, 4, 8, "Unsupported cluster size: 2^8"},
      {20, 4, 22, "Unsupported cluster size: 2^22"},
      {100, 4, 96, "qcow2 header too short"},
      {100, 4, 65540, "qcow2 header exceeds cluster size"},
      {100, 4, 120, "Header extension too large"},
      {116, 4, 70000, "Header extension too large"},
      {8, 8, 70000, "Invalid backing file offset"},
      {72, 8, 1 << 10, "Unsupported qcow2 feature(s): Unknown incompatible feature: 400"},
      {72, 8, 8, "qcow2: Compression type incompatible feature bit must not be set"},
      {104, 1, 1, "qcow2: Compression type incompatible feature bit must be set"},
      {96, 4, 7, "Reference count entry width too large; may not exceed 64 bits"},
      {32, 4, 3, "Unsupported encryption method 3"},
      {48, 8, 0x20100, "Reference count table offset invalid"},
      {56, 4, 0, "Image does not contain a reference count table"},
      {56, 4, 129, "Reference count table too large"},
      {60, 4, 70000, "Snapshot table too large"},
      {36, 4, 0, "L1 table is too small"},
      {36, 4, 1 << 23, "Active L1 table too large"},
      {40, 8, 0x30100, "Active L1 table offset invalid"},
      {40, 8, std::uint64_t{1} << 63, "Active L1 table offset invalid"},
      {24, 8, std::uint64_t{1} << 63, "Image is too big"},
      {24, 8, std::uint64_t{1} << 40, "L1 table is too small"},
  };
  for (const BadField& field : fields) {
    Victim victim;
    if (field.bytes == 8) victim.patch<std::uint64_t>(field.at, field.value);
    if (field.bytes == 4) victim.patch(field.at, static_cast<std::uint32_t>(field.value));
    if (field.bytes == 1) victim.patch(field.at, static_cast<std::uint8_t>(field.value));
    CHECK(victim.open(io::Access::read_only) == field.text);
  }
}

TEST_CASE("a file cut short is read as if zeros came after it") {
  const std::pair<std::size_t, std::string> cuts[] = {
      {0, "Image is not in qcow2 format"}, {3, "Image is not in qcow2 format"},
      {7, "Unsupported qcow2 version 0"},  {8, "Unsupported cluster size: 2^0"},
      {50, "qcow2 header too short"},      {72, "qcow2 header too short"},
      {103, "qcow2 header too short"}};
  for (const auto& [size, text] : cuts) {
    Victim victim;
    victim.disk.file().bytes.resize(size);
    CHECK(victim.open(io::Access::read_only) == text);
  }
}

TEST_CASE("an image names the feature that we do not know") {
  Victim victim;
  victim.patch<std::uint64_t>(72, std::uint64_t{1} << 7);
  victim.patch<std::uint8_t>(121, 7);
  CHECK(victim.open(io::Access::read_only) == "Unsupported qcow2 feature(s): dirty bit");
}

struct BadTable {
  std::size_t at;
  std::uint64_t value;
  std::uint64_t write_at;
  std::string text;
};

TEST_CASE("broken tables stop writing, set the corrupt bit and leave reading alone") {
  constexpr std::uint64_t copied = std::uint64_t{1} << 63;
  const std::vector<BadTable> tables = {
      {Victim::l1, copied | 0x40200, 0, "L2 table offset 0x40200 unaligned (L1 index: 0)"},
      {Victim::refcount_table, 0x20200, 1 << 19,
       "Refblock offset 0x20200 unaligned (reftable index: 0)"},
      {Victim::l2, copied | 0x50200, 0,
       "Cluster allocation offset 0x50200 unaligned (L2 offset: 0x40000, L2 index: 0)"},
      {Victim::l2, copied | 0x50201, 0,
       "Preallocated zero cluster offset 0x50200 unaligned (L2 offset: 0x40000, L2 index: 0)"},
      {Victim::l2, copied | Victim::l1, 0,
       "Preventing invalid write on metadata (overlaps with active L1 table)"},
      {Victim::l2, copied | Victim::l2, 0,
       "Preventing invalid write on metadata (overlaps with active L2 table)"},
      {Victim::refcount_block, 0, 1 << 19, "Preventing invalid allocation of cluster at offset 0"},
  };
  for (const BadTable& table : tables) {
    CAPTURE(table.text);
    Victim victim;
    victim.patch<std::uint64_t>(table.at, table.value);
    REQUIRE(victim.open(io::Access::read_write) == "ok");
    CHECK(victim.write(table.write_at) == table.text + ": Input/output error");
    CHECK(victim.write(table.write_at) == "No medium found");
    CHECK(victim.open(io::Access::read_write) ==
          "qcow2: Image is corrupt; cannot be opened read/write");
    CHECK(victim.open(io::Access::read_only) == "ok");
  }
}

io::Task<void> try_request(Disk& disk, int verb, std::uint64_t at, Bytes& bytes) {
  const std::span<std::byte> buffer(bytes);
  const ByteCount length{bytes.size()};
  try {
    if (verb == 0) co_await disk.image().read({at}, buffer);
    if (verb == 1) co_await disk.image().write({at}, buffer);
    if (verb == 2) co_await disk.image().discard({at}, length);
    if (verb == 3) co_await disk.image().write_zeroes({at}, length, io::Unmap::no);
    if (verb == 4) co_await disk.image().flush();
  } catch (const Refusal&) {
  }
}

/// Overwrites bytes where the tables are.
void damage(Disk& disk, std::uint64_t cluster_size) {
  Bytes& bytes = disk.file().bytes;
  const auto changes = *rc::gen::inRange(1, 12);
  for (int i = 0; i < changes; ++i) {
    const std::uint64_t cluster = *rc::gen::inRange<std::uint64_t>(0, 12);
    const std::uint64_t at = cluster * cluster_size + *rc::gen::inRange<std::uint64_t>(0, 128);
    if (at + 8 > bytes.size()) continue;
    if (*rc::gen::arbitrary<bool>()) {
      // A plausible pointer does more harm than noise.
      const std::uint64_t place = *rc::gen::inRange<std::uint64_t>(0, 20) * cluster_size;
      const std::uint64_t flags = *rc::gen::element<std::uint64_t>(0, 1, std::uint64_t{1} << 63);
      store_big<std::uint64_t>(bytes.data() + round_down(at, 8), place | flags);
    } else {
      bytes[at] = std::byte(*rc::gen::arbitrary<std::uint8_t>());
    }
  }
}

TEST_CASE("no damage to an image makes the engine crash or run wild") {
  CHECK(rc::check([] {
    CreateOptions options;
    options.cluster_size.value = *rc::gen::element<std::uint64_t>(512, 4096, 65536);
    options.size.value = 40 * options.cluster_size.value;
    const auto seed = *rc::gen::inRange<std::uint64_t>(2, 1 << 30);
    Disk disk(options, {}, seed);
    disk.write(0, pattern(10 * options.cluster_size.value, 1));
    disk.close();
    damage(disk, options.cluster_size.value);
    const bool writable = *rc::gen::arbitrary<bool>();
    try {
      disk.open(writable ? io::Access::read_write : io::Access::read_only);
    } catch (const Refusal&) {
      return;
    }
    const std::uint64_t size = std::min<std::uint64_t>(disk.image().length().value, 1 << 22);
    std::vector<Bytes> buffers;
    buffers.reserve(32);
    io::TaskGroup group(disk.runtime());
    for (int i = 0; size > 0 && i < 32; ++i) {
      const int verb = writable ? *rc::gen::inRange(0, 5) : 0;
      const auto at = *rc::gen::inRange<std::uint64_t>(0, size);
      const auto most = std::min<std::uint64_t>(size - at, 3 * options.cluster_size.value);
      buffers.push_back(Bytes(*rc::gen::inRange<std::size_t>(0, most + 1), std::byte(i)));
      group.spawn(try_request(disk, verb, at, buffers.back()));
    }
    disk.run(group.join());
  }));
}

}  // namespace
}  // namespace tests
