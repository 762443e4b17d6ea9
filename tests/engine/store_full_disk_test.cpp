// SPDX-License-Identifier: MIT
#include <sys/mount.h>

#include <filesystem>
#include <fstream>

#include "engine/error.h"
#include "tests/catch.h"
#include "tests/engine/store_world.h"
#include "tests/engine/units.h"
#include "tests/temp_dir.h"

namespace tests {
namespace {

/// A file system of 2 MiB in memory.
class SmallDisk {
 public:
  SmallDisk() : mounted_(mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, "size=2m") == 0) {}
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) umount2(dir_.path().c_str(), MNT_DETACH);
  }

  bool mounted() const { return mounted_; }
  std::string path() const { return dir_.path().string(); }
  void fill_all_but(std::uint64_t bytes) {
    const std::uint64_t free = std::filesystem::space(path()).free;
    std::ofstream(dir_ / "ballast") << std::string(free - bytes, 'x');
  }
  void make_room() { std::filesystem::remove(dir_ / "ballast"); }

 private:
  TempDir dir_;
  bool mounted_;
};

TEST_CASE("on a full disk the old bitmaps stand, and storing works once there is room") {
  const std::uint64_t free = GENERATE(0, 4, 8, 64, 68, 72, 76, 128) * kib;
  CAPTURE(free);
  SmallDisk disk;
  if (!disk.mounted()) {
    WARN("not tried: mounting a tmpfs is not permitted");
    return;
  }
  ImageFile image(disk.path(), "1M", "cluster_size=64k");
  const auto old_bits = bits_with(1 << 20, 65536, {{0, 1}});
  const auto new_bits = bits_with(1 << 20, 65536, {{0, 512 * kib}});
  image.store("b", old_bits);
  BitmapStore& store = image.open();
  image.run(store.mark_in_use({"b"}));
  disk.fill_all_but(free);
  const std::vector<BitmapToStore> bitmaps{{"b", true, &new_bits}};
  std::string refusal;
  try {
    image.run(store.store(bitmaps));
  } catch (const Refusal& caught) {
    refusal = caught.what();
  }
  CAPTURE(refusal);
  if (free == 0) {
    REQUIRE(refusal == "Failed to write bitmap 'b' to file: No space left on device");
  }
  if (!refusal.empty()) {
    REQUIRE(refusal.ends_with(": No space left on device"));
    REQUIRE(image.run(store.load()).at(0).in_use);
    disk.make_room();
    image.run(store.store(bitmaps));
  }
  image.close();
  REQUIRE(image.qemu_dirty("b") == runs_of(new_bits));
  REQUIRE(image.qemu_check().status == 0);
}

}  // namespace
}  // namespace tests
