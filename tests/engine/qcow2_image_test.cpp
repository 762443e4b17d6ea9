// SPDX-License-Identifier: MIT
#include <algorithm>

#include "engine/qcow2/header.h"
#include "engine/qcow2/image.h"
#include "tests/catch.h"
#include "tests/engine/qcow2_world.h"

namespace tests {
namespace {

TEST_CASE("an empty image reads as zeros") {
  Disk disk({.size = {1 << 20}});
  CHECK((disk.read(0, 1 << 20) == Bytes(1 << 20)));
}

TEST_CASE("what was written is read, before and after a reopening") {
  Disk disk({.size = {1 << 20}});
  disk.write(1000, pattern(200000, 7));
  CHECK((disk.read(1000, 200000) == pattern(200000, 7)));
  disk.reopen();
  CHECK((disk.read(1000, 200000) == pattern(200000, 7)));
  CHECK((disk.read(0, 1000) == Bytes(1000)));
}

TEST_CASE("a first write keeps what the backing has around it") {
  FlatBacking base(pattern(300000, 3));
  Disk disk({.size = {1 << 20}, .backing_file = "base"});
  disk.set_backing(&base);
  disk.write(70000, pattern(10, 9));
  CHECK((disk.read(65536, 70000 - 65536) == slice(base.bytes, 65536, 70000 - 65536)));
  CHECK((disk.read(70010, 100000) == slice(base.bytes, 70010, 100000)));
  CHECK((disk.read(299990, 20) == joined(slice(base.bytes, 299990, 10), Bytes(10))));
}

TEST_CASE("a disk that grows never shows a longer backing (B69)") {
  FlatBacking base(pattern(400000, 3));
  Disk disk({.size = {100352}, .backing_file = "base"});
  disk.set_backing(&base);
  disk.write(100000, pattern(100, 5));
  disk.resize(300032);
  CHECK((disk.read(100352, 199680) == Bytes(199680)));
  CHECK((disk.read(90000, 10000) == slice(base.bytes, 90000, 10000)));
}

TEST_CASE("version 2 grows over a longer backing only within its last cluster, as in QEMU") {
  FlatBacking base(pattern(400000, 3));
  Disk disk({.size = {100352}, .version = 2, .backing_file = "base"});
  disk.set_backing(&base);
  CHECK_THROWS_WITH(disk.resize(131584),
                    "Failed to zero out new clusters: Operation not supported");
  disk.resize(131072);
  CHECK((disk.read(100352, 30720) == Bytes(30720)));
  CHECK((disk.read(90000, 10352) == slice(base.bytes, 90000, 10352)));
}

TEST_CASE("a disk that shrinks and grows shows what was left of its last cluster, as in QEMU") {
  Disk disk({.size = {1 << 20}, .cluster_size = {4096}});
  disk.write(0, pattern(1 << 20, 4));
  disk.resize(5120);
  disk.resize(1 << 20);
  CHECK((disk.read(0, 8192) == slice(pattern(1 << 20, 4), 0, 8192)));
  CHECK((disk.read(8192, (1 << 20) - 8192) == Bytes((1 << 20) - 8192)));
}

TEST_CASE("the L1 table grows with the disk") {
  Disk disk({.size = {1 << 20}, .cluster_size = {512}});
  disk.write(0, pattern(50000, 1));
  disk.resize(64 << 20);
  disk.write((64 << 20) - 1024, pattern(1024, 2));
  disk.reopen();
  CHECK((disk.read(0, 50000) == pattern(50000, 1)));
  CHECK((disk.read((64 << 20) - 1024, 1024) == pattern(1024, 2)));
}

TEST_CASE("the refcount table grows with the file") {
  // 64 clusters of 512 bytes a block, 64 blocks a table cluster: full after 2 MiB.
  Disk disk({.size = {8 << 20}, .cluster_size = {512}, .refcount_bits = 64});
  const std::uint32_t before = disk.image().header().refcount_table_clusters;
  disk.write(0, pattern(8 << 20, 1));
  disk.reopen();
  CHECK(disk.image().header().refcount_table_clusters > before);
  CHECK((disk.read(0, 8 << 20) == pattern(8 << 20, 1)));
}

TEST_CASE("a discard leaves zeros over a backing, in version 2 nothing changes (S110)") {
  FlatBacking base(pattern(1 << 20, 3));
  Disk v3({.size = {1 << 20}, .backing_file = "base"});
  v3.set_backing(&base);
  v3.write(0, pattern(65536, 1));
  v3.discard(0, 131072);
  CHECK((v3.read(0, 131072) == Bytes(131072)));
  CHECK((v3.read(131072, 1000) == slice(base.bytes, 131072, 1000)));

  Disk v2({.size = {1 << 20}, .version = 2, .backing_file = "base"});
  v2.set_backing(&base);
  v2.write(0, pattern(65536, 1));
  v2.discard(0, 131072);
  CHECK((v2.read(0, 65536) == pattern(65536, 1)));
}

TEST_CASE("freed clusters are used again after a flush") {
  Disk disk({.size = {1 << 20}});
  disk.write(0, pattern(1 << 20, 1));
  disk.flush();
  const std::size_t full = disk.file().bytes.size();
  for (int round = 0; round < 5; ++round) {
    disk.discard(0, 1 << 20);
    disk.flush();
    disk.write(0, pattern(1 << 20, static_cast<unsigned>(round)));
  }
  CHECK(disk.file().bytes.size() == full);
}

TEST_CASE("write zeroes keeps the place of a cluster, with unmap it does not") {
  Disk disk({.size = {1 << 20}});
  disk.write(0, pattern(131072, 1));
  disk.flush();
  const std::size_t size = disk.file().bytes.size();
  disk.write_zeroes(0, 65536, io::Unmap::no);
  CHECK(disk.extent(0, 1 << 20).kind == ExtentKind::zero);
  disk.write(100, pattern(10, 2));
  CHECK(disk.file().bytes.size() == size);
  CHECK((disk.read(0, 200) == joined(Bytes(100), joined(pattern(10, 2), Bytes(90)))));
  CHECK((disk.read(65536, 65536) == slice(pattern(131072, 1), 65536, 65536)));
}

TEST_CASE("large clusters over a backing are filled piece by piece") {
  FlatBacking base(pattern(3 << 20, 3));
  Disk disk({.size = {4 << 20}, .cluster_size = {1 << 20}, .backing_file = "base"});
  disk.set_backing(&base);
  disk.write(1500000, pattern(1000000, 9));
  CHECK((disk.read(1000000, 500000) == slice(base.bytes, 1000000, 500000)));
  CHECK((disk.read(1500000, 1000000) == pattern(1000000, 9)));
  CHECK((disk.read(2500000, 600000) == slice(base.bytes, 2500000, 600000)));
}

TEST_CASE("a write that fails gives its clusters back") {
  Disk disk({.size = {1 << 20}});
  disk.write(0, pattern(65536, 1));
  disk.flush();
  disk.file().successes_left = 0;
  CHECK_THROWS_AS(disk.write(500000, pattern(65536, 2)), IoError);
  disk.file().successes_left = 1000;
  disk.reopen();
  CHECK(disk.check() == "");
  CHECK((disk.read(500000, 65536) == Bytes(65536)));
}

TEST_CASE("extents tell data, zeros and nothing apart") {
  Disk disk({.size = {1 << 20}});
  disk.write(65536, pattern(65536, 1));
  disk.write_zeroes(262144, 65536, io::Unmap::yes);
  CHECK(disk.extent(0, 1 << 20).kind == ExtentKind::unallocated);
  CHECK(disk.extent(0, 1 << 20).length.value == 65536);
  CHECK(disk.extent(70000, 1 << 19).kind == ExtentKind::data);
  CHECK(disk.extent(70000, 1 << 19).length.value == 131072 - 70000);
  CHECK(disk.extent(262144, 1 << 19).length.value == 65536);
  CHECK(disk.extent(327680, 100).length.value == 100);
}

TEST_CASE("unknown autoclear bits go before the image is written") {
  Disk disk({.size = {1 << 20}});
  disk.close();
  disk.file().bytes[88] = std::byte{0x80};
  disk.open(io::Access::read_only);
  CHECK(disk.image().header().autoclear_features == std::uint64_t{1} << 63);
  disk.open(io::Access::read_write);
  disk.run(disk.image().clear_unknown());
  CHECK(disk.image().header().autoclear_features == 0);
  CHECK(disk.file().bytes[88] == std::byte{0});
}

TEST_CASE("header extensions and unknown fields survive a rewritten header") {
  Disk disk({.size = {1 << 20}});
  Header header = disk.image().header();
  header.extensions.push_back({0x12345678, pattern(13, 1)});
  disk.run(disk.image().write_header(header));
  disk.reopen();
  disk.run(disk.image().set_backing_strings("a/longer/name", "raw"));
  disk.reopen();
  CHECK(disk.image().header().backing_file == "a/longer/name");
  CHECK(disk.image().header().backing_format == "raw");
  const auto foreign = [](const Header& each) {
    return std::ranges::count(each.extensions, HeaderExtension{0x12345678, pattern(13, 1)});
  };
  CHECK(foreign(disk.image().header()) == 1);
}

TEST_CASE("a header that does not fit changes nothing") {
  Disk disk({.size = {1 << 20}, .cluster_size = {512}});
  const Bytes before = disk.file().bytes;
  CHECK_THROWS_AS(disk.run(disk.image().set_backing_strings(std::string(600, 'x'), "raw")),
                  IoError);
  CHECK((disk.file().bytes == before));
  CHECK(disk.image().header().backing_file.empty());
}

TEST_CASE("a corrupt image is not written") {
  Disk disk({.size = {1 << 20}});
  disk.close();
  disk.file().bytes[79] = std::byte{2};
  CHECK_THROWS_AS(disk.open(io::Access::read_write), Refusal);
  disk.open(io::Access::read_only);
  CHECK((disk.read(0, 10) == Bytes(10)));
}

TEST_CASE("a dirty image is left alone by a reader, and repaired by who writes") {
  Disk disk({.size = {1 << 20}});
  disk.close();
  disk.file().bytes[79] = std::byte{1};
  disk.open(io::Access::read_only);
  CHECK((disk.read(0, 10) == Bytes(10)));
  disk.close();
  CHECK(disk.file().bytes[79] == std::byte{1});
  disk.open(io::Access::read_write);
  CHECK(disk.file().bytes[79] == std::byte{0});
}

TEST_CASE("a broken L2 offset marks the image corrupt") {
  Disk disk({.size = {1 << 20}});
  disk.write(0, pattern(10, 1));
  disk.close();
  const std::size_t l1 = 3 * 65536;
  disk.file().bytes[l1 + 6] = std::byte{0x02};
  disk.open(io::Access::read_only);
  CHECK_THROWS_AS(disk.read(0, 10), IoError);
  CHECK_THROWS_AS(disk.read(0, 10), IoError);
  CHECK(disk.file().bytes[79] == std::byte{0});
  disk.open(io::Access::read_write);
  CHECK_THROWS_WITH(disk.read(0, 10),
                    Catch::Matchers::ContainsSubstring("unaligned (L1 index: 0)"));
  CHECK_THROWS_WITH(disk.read(0, 10), "No medium found");
  CHECK(disk.file().bytes[79] == std::byte{2});
}

}  // namespace
}  // namespace tests
