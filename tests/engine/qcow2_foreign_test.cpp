// SPDX-License-Identifier: MIT
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/qcow2/bytes.h"
#include "engine/qcow2/compressed.h"
#include "engine/qcow2/header.h"
#include "tests/catch.h"
#include "tests/engine/qcow2_world.h"
#include "tests/engine/store_world.h"
#include "tests/shell.h"

// Images with what we never write ourselves: compressed clusters, refcounts that were not kept.

namespace tests {
namespace {

void write_file(const std::string& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

/// Text-like stretches, bytes like noise, and zeros.
Bytes compressible(std::uint64_t size) {
  Bytes bytes(size);
  std::uint64_t state = 1;
  for (std::uint64_t i = 0; i < size; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const std::uint64_t kind = i / 30000 % 4;
    if (kind == 0) bytes[i] = static_cast<std::byte>(state >> 60);
    if (kind == 1) bytes[i] = static_cast<std::byte>(state >> 40);
    if (kind == 2) bytes[i] = static_cast<std::byte>(i / 1000);
  }
  return bytes;
}

/// An image whose clusters qemu-img has compressed, beside what it holds.
class Compressed {
 public:
  Compressed(const std::string& type, const std::string& cluster_size)
      : file_("1M"), contents_(compressible((7 << 20) + 512)) {
    write_file(raw(), contents_);
    shell_ok("qemu-img convert -c -f raw -O qcow2 -o compression_type=" + type +
             ",cluster_size=" + cluster_size + " " + raw() + " " + file_.path());
    file_.open();
  }
  void write(std::uint64_t at, std::uint64_t size) {
    size = std::min(size, contents_.size() - at);
    const Bytes data = pattern(size, ++writes_);
    std::copy(data.begin(), data.end(), place(at));
    const std::span<const std::byte> bytes(data);
    file_.run(file_.image().write({at}, bytes));
  }
  void zero(std::uint64_t at, std::uint64_t size, io::Unmap unmap) {
    size = std::min(size, contents_.size() - at);
    std::fill_n(place(at), size, std::byte{0});
    file_.run(file_.image().write_zeroes({at}, {size}, unmap));
  }
  /// Of whole clusters.
  void discard(std::uint64_t at, std::uint64_t size) {
    size = std::min(size, contents_.size() - at);
    std::fill_n(place(at), size, std::byte{0});
    file_.run(file_.image().discard({at}, {size}));
  }
  void flush() { file_.run(file_.image().flush()); }
  bool reads_right() {
    bool right = true;
    for (std::uint64_t at = 0, size = 7; at < contents_.size(); at += size, size = size * 3 + 1) {
      size = std::min<std::uint64_t>(size % 300000, contents_.size() - at);
      Bytes seen(size);
      const std::span<std::byte> buffer(seen);
      file_.run(file_.image().read({at}, buffer));
      right = right && seen == slice(contents_, at, size);
    }
    return right;
  }
  std::uint64_t cluster() { return file_.image().cluster_size().value; }
  /// What qemu-img finds in the closed file; empty: the same contents, and nothing wrong.
  std::string qemu_finds() {
    file_.close();
    write_file(raw(), contents_);
    const ShellResult same = shell("qemu-img compare -f raw -F qcow2 " + raw() + " " + path());
    const ShellResult whole = shell("qemu-img check -f qcow2 " + path());
    return (same.status != 0 ? same.out : "") + (whole.status != 0 ? whole.out : "");
  }
  const std::string& path() const { return file_.path(); }
  ImageFile& file() { return file_; }

 private:
  std::string raw() const { return file_.path() + ".raw"; }
  Bytes::iterator place(std::uint64_t at) {
    return contents_.begin() + static_cast<std::ptrdiff_t>(at);
  }

  ImageFile file_;
  Bytes contents_;
  unsigned writes_ = 0;
};

TEST_CASE("compressed clusters are read, and give way to what is written", "[qemu][slow]") {
  const std::string type = GENERATE("zlib", "zstd");
  const std::string cluster_size = GENERATE("512", "4k", "64k", "2M");
  CAPTURE(type, cluster_size);
  Compressed image(type, cluster_size);
  CHECK(image.reads_right());
  const std::uint64_t cluster = image.cluster();
  image.write(cluster + cluster / 4, cluster / 8);
  image.write(70000, 10000);
  image.write(2 * cluster, cluster);
  image.zero(10 * cluster % (4 << 20) + 5, cluster / 2, io::Unmap::no);
  image.flush();
  image.write(300001, 200000);
  image.zero(round_up(600000, cluster), cluster, io::Unmap::no);
  image.zero(round_up(700000, cluster), cluster, io::Unmap::yes);
  image.discard(round_up(800000, cluster), cluster);
  image.flush();
  image.write(round_up(700000, cluster) + 100, 100);
  image.write((5 << 20) + 500, 12);
  CHECK(image.reads_right());
  CHECK(image.qemu_finds() == "");
  const CheckReport report = image.file().check();
  CHECK(report.findings.empty());
  const auto qemu =
      nlohmann::json::parse(shell_ok("qemu-img check -f qcow2 --output=json " + image.path()));
  CHECK(report.compressed_clusters == qemu.value("compressed-clusters", std::uint64_t{0}));
  image.file().open();
  CHECK(image.reads_right());
  image.file().close();
}

TEST_CASE("bytes that expand to no cluster are an I/O error") {
  const unsigned type = GENERATE(0u, 1u);
  CAPTURE(type);
  Bytes cluster(4096);
  CHECK_THROWS_AS(expand(type, Bytes(512), cluster), IoError);
  CHECK_THROWS_AS(expand(type, pattern(512, 3), cluster), IoError);
  CHECK_THROWS_AS(expand(type, Bytes(), cluster), IoError);
}

TEST_CASE("a snapshot of qemu's keeps the compressed clusters that we replace", "[qemu]") {
  Compressed image("zlib", "64k");
  image.file().close();
  shell_ok("qemu-img snapshot -c before " + image.path());
  image.file().open();
  image.write(100, 200000);
  image.discard(1 << 20, 1 << 20);
  CHECK(image.reads_right());
  CHECK(image.qemu_finds() == "");
}

TEST_CASE("an image that died with lazy refcounts is repaired when it is opened", "[qemu]") {
  const std::string options =
      GENERATE("cluster_size=64k", "cluster_size=512", "cluster_size=512,refcount_bits=1",
               "cluster_size=4k,refcount_bits=64");
  CAPTURE(options);
  ImageFile file("8M", "lazy_refcounts=on," + options);
  shell("qemu-io -f qcow2 -c 'write -P 7 1000 3M' -c 'discard 1M 64k' -c 'sigraise 9' " +
        file.path());
  const std::uint64_t feature_bits = file.peek(72, 8);
  REQUIRE((feature_bits & incompatible::dirty) != 0);
  file.open(io::Access::read_only);
  file.kill();
  CHECK(file.peek(72, 8) == feature_bits);
  file.open();
  CHECK_FALSE(file.image().header().has(incompatible::dirty));
  const Bytes data = pattern(300000, 1);
  const std::span<const std::byte> bytes(data);
  file.run(file.image().write({4 << 20}, bytes));
  file.close();
  CHECK(file.check().findings.empty());
  CHECK(file.qemu_check().status == 0);
  CHECK_FALSE(mentions(
      shell("qemu-io -r -f qcow2 -c 'read -P 7 1000 1047576' -c 'read -P 7 2M 1M' " + file.path())
          .out,
      "failed"));
}

/// An image as lazy refcounts leave it: the refcount blocks and a flag are not what they should be.
Bytes dirty_image(Bytes bytes) {
  const Header header = decode_header(bytes);
  const auto table = load_big<std::uint64_t>(&bytes[header.refcount_table_offset.value]);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(table), header.cluster_size().value,
              std::byte{0});
  const std::uint64_t l2 =
      load_big<std::uint64_t>(&bytes[header.l1_table_offset.value]) & 0x00fffffffffffe00;
  bytes[l2] = bytes[l2] & std::byte{0x7f};
  store_big<std::uint64_t>(&bytes[72], incompatible::dirty);
  return bytes;
}

TEST_CASE("a repair that is cut short leaves an image that can be repaired") {
  const std::uint64_t cluster = GENERATE(512, 65536);
  CreateOptions options;
  options.size.value = 300000;
  options.cluster_size.value = cluster;
  Disk disk(options);
  const Bytes contents = pattern(300000, 5);
  disk.write(0, contents);
  disk.close();
  const Bytes dirty = dirty_image(disk.file().bytes);
  unsigned failures = 0;
  for (bool failed = true; failed;) {
    CAPTURE(failures);
    disk.file().bytes = dirty;
    disk.file().failing_operation = disk.file().operations + failures + 1;
    failed = false;
    try {
      disk.open(io::Access::read_write);
    } catch (const IoError&) {
      failed = true;
      ++failures;
    }
    disk.file().failing_operation = 0;
    disk.open(io::Access::read_write);
    REQUIRE(disk.read(0, contents.size()) == contents);
    disk.write(100, pattern(100, 5));
    disk.write(100, slice(contents, 100, 100));
    disk.close();
    REQUIRE(disk.check() == "");
  }
  CHECK(failures > 5);
}

TEST_CASE("what cannot be walked is not repaired") {
  CreateOptions options;
  options.size.value = 1 << 20;
  Disk disk(options);
  disk.write(0, pattern(1000, 5));
  disk.close();
  Bytes dirty = dirty_image(disk.file().bytes);
  dirty[0x30000 + 6] = std::byte{2};  // the L2 table is not at a cluster's start
  disk.file().bytes = dirty;
  CHECK_THROWS_WITH(disk.open(io::Access::read_write),
                    "Could not repair dirty image: Input/output error");
  CHECK(disk.file().bytes == dirty);
}

}  // namespace
}  // namespace tests
