// SPDX-License-Identifier: MIT
#include "engine/qcow2/bitmap_store.h"
#include "engine/qcow2/check.h"
#include "tests/catch.h"
#include "tests/engine/qcow2_world.h"

// One operation fails while bitmaps are stored. If it is the header's, nobody knows whether the
// file has the new one: what it may name goes to nobody before the old one is back.

namespace tests {
namespace {

class FailingStore {
 public:
  FailingStore() : disk_(options()) {
    disk_.write(0, pattern(20 * 4096, 1));
    store({"a", "b"});
    BitmapStore bitmaps(disk_.image());
    disk_.run(bitmaps.mark_in_use({"a", "b"}));
    disk_.flush();
  }
  /// Whether storing failed.
  bool store_failing(std::uint64_t operation, bool arrives) {
    disk_.file().failed_write_arrives = arrives;
    disk_.file().failing_operation = disk_.file().operations + operation;
    bool failed = false;
    try {
      store({"a", "b"});
    } catch (const IoError&) {
      failed = true;
    }
    disk_.file().failing_operation = 0;
    return failed;
  }
  std::string corruption() {
    const CheckReport report = disk_.run(engine::qcow2::check(disk_.file()));
    return report.corruptions == 0 ? "" : report.findings.front();
  }
  void write_elsewhere() {
    disk_.write(100 * 4096, pattern(50 * 4096, 2));
    disk_.flush();
  }
  void kill() {
    disk_.kill();
    disk_.open(io::Access::read_write);
  }
  bool reads_right() {
    return disk_.read(0, 20 * 4096) == pattern(20 * 4096, 1) &&
           disk_.read(100 * 4096, 50 * 4096) == pattern(50 * 4096, 2);
  }
  std::vector<StoredBitmap> load() {
    BitmapStore bitmaps(disk_.image());
    return disk_.run(bitmaps.load());
  }
  void store(const std::vector<std::string>& names) {
    bitmap::DirtyBits bits(disk_.image().length(), bitmap::Granularity::from_bits(9));
    bits.set({0}, {40960});
    std::vector<BitmapToStore> all;
    for (const std::string& name : names) all.push_back({name, true, &bits});
    BitmapStore bitmaps(disk_.image());
    disk_.run(bitmaps.store(all));
  }

 private:
  static CreateOptions options() {
    CreateOptions made;
    made.size.value = 1 << 20;
    made.cluster_size.value = 4096;
    return made;
  }

  Disk disk_;
};

TEST_CASE("a store that fails ruins nothing, whether its last write arrives or not") {
  const bool arrives = GENERATE(false, true);
  const bool at_once = GENERATE(false, true);
  CAPTURE(arrives, at_once);
  unsigned operation = 1;
  for (bool failed = true; failed; ++operation) {
    CAPTURE(operation);
    FailingStore image;
    failed = image.store_failing(operation, arrives);
    REQUIRE(image.corruption() == "");
    if (at_once) image.kill();
    image.write_elsewhere();
    REQUIRE(image.corruption() == "");
    image.kill();
    REQUIRE(image.corruption() == "");
    REQUIRE(image.reads_right());
    REQUIRE(image.load().size() == 2);
    if (failed && !at_once) {
      REQUIRE(image.load()[0].in_use);
      image.store({"a", "b"});
      REQUIRE_FALSE(image.load()[0].in_use);
      REQUIRE(image.corruption() == "");
    }
  }
  CHECK(operation > 8);
}

}  // namespace
}  // namespace tests
