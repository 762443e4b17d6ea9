// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "engine/bitmap/dirty_bits.h"
#include "tests/catch.h"
#include "tests/engine/io_process.h"

namespace engine::bitmap {
namespace {

struct Write {
  std::uint64_t offset;
  std::uint64_t length;
};

/// Writes of many shapes that fit a disk of `size` bytes.
std::vector<Write> writes_for(std::uint64_t size) {
  std::vector<Write> writes;
  const auto add = [&](std::uint64_t offset, std::uint64_t length) {
    if (offset < size) writes.push_back({offset, std::min(length, size - offset)});
  };
  add(0, 1);
  add(70'000, 200'000);
  add(1 << 20, 512);
  add((1 << 20) + 65'536 * 3 + 511, 2);
  add(size - std::min<std::uint64_t>(size, 1000), 1000);
  return writes;
}

/// A disk in QEMU and the hashes of its bitmaps.
class Disk {
 public:
  Disk(tests::Qemu& qemu, const std::string& name, std::uint64_t size) : qemu_(qemu), name_(name) {
    qemu_.must_execute("blockdev-add",
                       {{"driver", "null-co"}, {"node-name", name}, {"size", size}});
  }
  void add_bitmap(std::uint64_t granularity) {
    qemu_.must_execute(
        "block-dirty-bitmap-add",
        {{"node", name_}, {"name", bitmap_name(granularity)}, {"granularity", granularity}});
  }
  void write(const Write& write) {
    qemu_.monitor("qemu-io " + name_ + " \"write " + std::to_string(write.offset) + " " +
                  std::to_string(write.length) + "\"");
  }
  std::string sha256(std::uint64_t granularity) {
    return qemu_.must_execute("x-debug-block-dirty-bitmap-sha256",
                              {{"node", name_}, {"name", bitmap_name(granularity)}})["sha256"];
  }

 private:
  static std::string bitmap_name(std::uint64_t granularity) {
    return "b" + std::to_string(granularity);
  }

  tests::Qemu& qemu_;
  std::string name_;
};

TEST_CASE("the sha256 of a bitmap is QEMU's") {
  tests::Qemu qemu;
  const std::vector<std::uint64_t> granularities{
      512, 1024, 4096, 65'536, 1 << 20, 128 << 20, std::uint64_t{1} << 31};
  int combinations = 0;
  int disks = 0;
  for (std::uint64_t size :
       {std::uint64_t{512}, std::uint64_t{100'352}, std::uint64_t{1} << 20,
        std::uint64_t{4'194'816}, std::uint64_t{10} << 20, std::uint64_t{1} << 30}) {
    Disk disk(qemu, "disk" + std::to_string(++disks), size);
    std::vector<DirtyBits> bitmaps;
    for (std::uint64_t granularity : granularities) {
      disk.add_bitmap(granularity);
      bitmaps.emplace_back(ByteCount{size}, Granularity(granularity));
    }
    const auto compare = [&] {
      for (const DirtyBits& bits : bitmaps) {
        CAPTURE(size, bits.granularity().bytes(), bits.count());
        REQUIRE(bits.sha256() == disk.sha256(bits.granularity().bytes()));
        ++combinations;
      }
    };
    compare();
    for (const Write& write : writes_for(size)) {
      disk.write(write);
      for (DirtyBits& bits : bitmaps) bits.set({write.offset}, {write.length});
      compare();
    }
  }
  REQUIRE(combinations >= 50);
}

TEST_CASE("the sha256 of a bitmap over an empty disk is QEMU's") {
  tests::Qemu qemu;
  Disk disk(qemu, "disk", 0);
  disk.add_bitmap(512);
  REQUIRE(DirtyBits({0}, Granularity(512)).sha256() == disk.sha256(512));
}

}  // namespace
}  // namespace engine::bitmap
