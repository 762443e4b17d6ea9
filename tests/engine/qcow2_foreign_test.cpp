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
      : file_("1M"), contents_(compressible((5 << 20) + 512)) {
    write_file(raw(), contents_);
    shell_ok("qemu-img convert -c -f raw -O qcow2 -o compression_type=" + type +
             ",cluster_size=" + cluster_size + " " + raw() + " " + file_.path());
    file_.open();
  }
  void write(std::uint64_t at, std::uint64_t size) {
    const Bytes data = pattern(size, ++writes_);
    std::copy(data.begin(), data.end(), place(at));
    const std::span<const std::byte> bytes(data);
    file_.run(file_.image().write({at}, bytes));
  }
  void zero(std::uint64_t at, std::uint64_t size, io::Unmap unmap) {
    std::fill_n(place(at), size, std::byte{0});
    file_.run(file_.image().write_zeroes({at}, {size}, unmap));
  }
  /// Of whole clusters.
  void discard(std::uint64_t at, std::uint64_t size) {
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

TEST_CASE("compressed clusters are read, and give way to what is written", "[qemu]") {
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
  CHECK(report.clean());
  const auto qemu =
      nlohmann::json::parse(shell_ok("qemu-img check -f qcow2 --output=json " + image.path()));
  CHECK(report.compressed_clusters == qemu.at("compressed-clusters"));
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

}  // namespace
}  // namespace tests
