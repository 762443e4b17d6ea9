// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "engine/io/file_host.h"
#include "engine/io/file_loop.h"
#include "engine/qcow2/header.h"
#include "tests/catch.h"
#include "tests/engine/qcow2_world.h"
#include "tests/shell.h"
#include "tests/temp_dir.h"

namespace tests {
namespace {

/// Whether a shell command succeeds.
bool succeeds(const std::string& command) { return shell(command).status == 0; }
/// Whether qemu-io finds what its read -P commands expect.
bool qemu_reads(const std::string& path, const std::vector<std::string>& reads) {
  std::string command = "qemu-io -r -f qcow2";
  for (const std::string& read : reads) command += " -c 'read -P " + read + "'";
  return succeeds("(" + command + " " + path + ") > " + path +
                  ".log 2>&1 && ! grep -E 'failed|error' " + path + ".log");
}

/// An image of ours in a real file.
class FileDisk {
 public:
  static void make(const std::string& path, const CreateOptions& options) {
    io::FileLoop loop;
    io::FileHost host;
    const std::unique_ptr<io::Storage> file = loop.run(host.create(path));
    loop.run(create(*file, options));
  }
  explicit FileDisk(const std::string& path, Backing* backing = nullptr)
      : file_(loop_.run(host_.open(path, io::Access::read_write, io::Locking::off))),
        image_(loop_.run(Image::open(loop_, *file_, {}))) {
    image_->set_backing(backing);
  }
  void write(std::uint64_t at, const Bytes& data) {
    const std::span<const std::byte> bytes(data);
    loop_.run(image_->write({at}, bytes));
  }
  /// Whether these bytes are what is read there; a bool, because Catch would print megabytes.
  bool holds(std::uint64_t at, const Bytes& expected) {
    Bytes bytes(expected.size());
    const std::span<std::byte> buffer(bytes);
    loop_.run(image_->read({at}, buffer));
    return bytes == expected;
  }
  void close() { loop_.run(image_->prepare_read_only()); }
  Image& image() { return *image_; }
  io::FileLoop& loop() { return loop_; }

 private:
  io::FileLoop loop_;
  io::FileHost host_;
  std::unique_ptr<io::Storage> file_;
  std::unique_ptr<Image> image_;
};

struct Kind {
  std::uint64_t cluster_size;
  unsigned version;
  unsigned refcount_bits;
  std::string options() const {
    return "cluster_size=" + std::to_string(cluster_size) +
           ",compat=" + (version == 2 ? "0.10" : "1.1") +
           ",refcount_bits=" + std::to_string(refcount_bits);
  }
};

/// Every cluster size, the old version with the least, the usual and the largest; every refcount
/// width with small clusters, the least and the largest with usual ones.
std::vector<Kind> all_kinds() {
  std::vector<Kind> kinds;
  for (std::uint64_t size = 512; size <= 2 << 20; size *= 2) kinds.push_back({size, 3, 16});
  for (const std::uint64_t size : {512, 65536, 2 << 20}) kinds.push_back({size, 2, 16});
  for (unsigned bits = 1; bits <= 64; bits *= 2) kinds.push_back({512, 3, bits});
  for (const unsigned bits : {1, 64}) kinds.push_back({65536, 3, bits});
  return kinds;
}

constexpr std::uint64_t sector_over_6m = (6 << 20) + 512;
Bytes filled(std::uint64_t size, unsigned char value) { return Bytes(size, std::byte(value)); }

TEST_CASE("qemu reads what we wrote and finds nothing wrong", "[qemu][slow]") {
  const TempDir directory;
  const std::string path = directory / "ours.qcow2";
  for (const Kind& kind : all_kinds()) {
    CAPTURE(kind.options());
    FileDisk::make(path, {.size = {sector_over_6m},
                          .cluster_size = {kind.cluster_size},
                          .version = kind.version,
                          .refcount_bits = kind.refcount_bits});
    CHECK(succeeds("qemu-img check " + path));
    FileDisk disk(path);
    disk.write(1000, filled(3000000, 0xa5));
    disk.write(sector_over_6m - 700, filled(700, 0x5a));
    disk.loop().run(disk.image().discard({1 << 20}, {1 << 20}));
    disk.write((1 << 20) + 512, filled(1024, 0x11));
    disk.loop().run(disk.image().write_zeroes({2 << 20}, {300000}, io::Unmap::yes));
    disk.close();
    CHECK(succeeds("qemu-img check " + path));
    CHECK(qemu_reads(
        path, {"0 0 1000", "0xa5 1000 1047576", "0x11 1049088 1024", "0 2097152 300000",
               "0xa5 2397152 603848", "0x5a " + std::to_string(sector_over_6m - 700) + " 700"}));
  }
}

TEST_CASE("we read what qemu wrote, and go on writing it", "[qemu][slow]") {
  const TempDir directory;
  const std::string path = directory / "theirs.qcow2";
  for (const Kind& kind : all_kinds()) {
    CAPTURE(kind.options());
    REQUIRE(succeeds("qemu-img create -f qcow2 -o " + kind.options() + " " + path + " " +
                     std::to_string(sector_over_6m)));
    REQUIRE(
        succeeds("qemu-io -d unmap -f qcow2 -c 'write -P 0xa5 1000 5000000'"
                 " -c 'discard 2M 2M' -c 'write -z 4M 300000' " +
                 path));
    FileDisk disk(path);
    CHECK(disk.holds(1000, filled(2096152, 0xa5)));
    CHECK(disk.holds(2 << 20, Bytes((2 << 20) + 300000)));
    CHECK(disk.holds(4494304, filled(506696, 0xa5)));
    disk.write(0, filled(sector_over_6m, 0x77));
    disk.loop().run(disk.image().resize({sector_over_6m * 3}));
    disk.write(sector_over_6m * 3 - 512, filled(512, 0x78));
    disk.close();
    CHECK(succeeds("qemu-img check " + path));
    CHECK(qemu_reads(path, {"0x77 0 " + std::to_string(sector_over_6m)}));
  }
}

TEST_CASE("a snapshot of qemu's survives our writing", "[qemu]") {
  const TempDir directory;
  const std::string path = directory / "snapshot.qcow2";
  for (const unsigned cluster : {512u, 65536u}) {
    CAPTURE(cluster);
    REQUIRE(succeeds("qemu-img create -f qcow2 -o cluster_size=" + std::to_string(cluster) + " " +
                     path + " 4M"));
    REQUIRE(succeeds("qemu-io -f qcow2 -c 'write -P 0xa5 0 2M' " + path));
    REQUIRE(succeeds("qemu-img snapshot -c before " + path));
    FileDisk disk(path);
    disk.write(100, filled(700000, 0x11));
    disk.loop().run(disk.image().discard({1 << 20}, {1 << 19}));
    disk.close();
    CHECK(disk.holds(0, filled(100, 0xa5)));
    CHECK(disk.holds(700100, filled(1000, 0xa5)));
    CHECK(succeeds("qemu-img check " + path));
    CHECK(qemu_reads(path, {"0x11 100 700000"}));
    REQUIRE(succeeds("qemu-img snapshot -a before " + path));
    CHECK(succeeds("qemu-img check " + path));
    CHECK(qemu_reads(path, {"0xa5 0 2M"}));
  }
}

TEST_CASE("a backing file by name, as qemu has it", "[qemu]") {
  const TempDir directory;
  const std::string base = directory / "base.qcow2";
  const std::string path = directory / "overlay.qcow2";
  FileDisk::make(base, {.size = {1 << 20}});
  FileDisk::make(path,
                 {.size = {2 << 20}, .backing_file = "base.qcow2", .backing_format = "qcow2"});
  CHECK(succeeds("qemu-io -f qcow2 -c 'write -P 0x33 0 1M' " + base));
  CHECK(succeeds("qemu-img info --backing-chain " + path + " | grep 'backing file format: qcow2'"));
  CHECK(qemu_reads(path, {"0x33 0 1M", "0 1M 1M"}));
}

}  // namespace
}  // namespace tests
