// SPDX-License-Identifier: MIT
// Images that are refused, and images that ask for more than they hold.
#include <functional>

#include "engine/error.h"
#include "tests/catch.h"
#include "tests/engine/store_world.h"
#include "tests/engine/units.h"
#include "tests/text.h"

namespace tests {
namespace {

constexpr std::uint64_t snapshot_table = 1 << 20;  // past all else in a small image

/// An entry of the snapshot table without ID and name; gives where the next one starts.
std::uint64_t add_snapshot(ImageFile& file, std::uint64_t at, std::uint32_t extra_length) {
  file.patch(at + 32, 0, 4);
  file.patch(at + 36, extra_length, 4);
  file.patch(at + 40, 0, 8);
  return round_up(at + 40 + extra_length, 8);
}

/// An image whose header names a snapshot table there.
std::unique_ptr<ImageFile> image_with_snapshots(std::uint32_t count) {
  auto file = std::make_unique<ImageFile>("1M", "cluster_size=512");
  file->patch(60, count, 4);
  file->patch(64, snapshot_table, 8);
  return file;
}

std::string check_refusal(ImageFile& file) {
  try {
    file.check();
  } catch (const Refusal& refusal) {
    return refusal.what();
  }
  return "checked";
}

TEST_CASE("a snapshot table that claims gigabytes is refused at once, as QEMU refuses it") {
  const auto file = image_with_snapshots(20);
  std::uint64_t at = snapshot_table;
  for (int i = 0; i < 20; ++i) at = add_snapshot(*file, at, 0xffffffd0);
  const std::string text = "Too much extra metadata in snapshot table entry 0";
  CHECK(file->refusal() == text);
  CHECK(file->qemu_refusal().starts_with(text + "\n"));
  CHECK(check_refusal(*file) == "ERROR failed to read the snapshot table: " + text);
  CHECK(file->qemu_check().status == 1);
}

TEST_CASE("a snapshot table ends after 64 MiB") {
  const auto file = image_with_snapshots(600);
  std::uint64_t at = snapshot_table;
  for (int i = 0; i < 600; ++i) {
    file->patch(at + 12, 0xffffffff, 4);  // the lengths of ID and name
    at = add_snapshot(*file, at, 16) + 2 * 65535 + 2;
  }
  CHECK(file->refusal() == "Snapshot table is too big");
  CHECK(file->qemu_refusal().starts_with("Snapshot table is too big\n"));
  CHECK(file->qemu_check().status == 1);
  CHECK(check_refusal(*file) ==
        "ERROR failed to read the snapshot table: Snapshot table is too big");
}

/// A file that counts what is read of it.
class CountingStorage final : public io::Storage {
 public:
  explicit CountingStorage(io::Storage& file) : file_(file) {}
  ByteCount size() const override { return file_.size(); }
  io::Access access() const override { return file_.access(); }
  io::Task<void> set_access(io::Access access) override { return file_.set_access(access); }
  io::Task<void> resize(ByteCount size) override { return file_.resize(size); }
  io::Task<void> read(HostOffset offset, std::span<std::byte> buffer) override {
    bytes_read += buffer.size();
    return file_.read(offset, buffer);
  }
  io::Task<void> write(HostOffset offset, std::span<const std::byte> data) override {
    return file_.write(offset, data);
  }
  io::Task<void> write_zeroes(HostOffset offset, ByteCount length, io::Unmap unmap) override {
    return file_.write_zeroes(offset, length, unmap);
  }
  io::Task<void> flush() override { return file_.flush(); }

  std::uint64_t bytes_read = 0;

 private:
  io::Storage& file_;
};

TEST_CASE("refcount blocks of clusters that the file has not are not read") {
  constexpr std::uint64_t table = 8 << 20, block = 4 << 20, entries = 16384;
  ImageFile file("1M", "cluster_size=2M");
  for (std::uint64_t i = 0; i < entries; ++i) file.patch(table + i * 8, block, 8);
  file.patch((16 << 20) - 1, 0, 1);
  file.patch(48, table, 8);
  file.patch(56, 4, 4);
  io::FileLoop loop;
  io::FileHost host;
  const auto opened = loop.run(host.open(file.path(), io::Access::read_only, io::Locking::on));
  CountingStorage counting(*opened);
  const CheckReport report = loop.run(check(counting));
  CHECK(report.corruptions >= entries - 1);
  CHECK(has(file.qemu_check().output, "\n" + std::to_string(report.corruptions) + " errors"));
  CHECK(counting.bytes_read < 16 * mib);
}

TEST_CASE("what info tells of bitmaps takes no bits") {
  ImageFile file("2T", "cluster_size=64k");
  bitmap::DirtyBits bits({std::uint64_t{2} << 40}, bitmap::Granularity(512));
  for (std::uint64_t i = 0; i < 100; ++i) bits.set({i << 34}, {512});
  file.store("b", bits);
  io::FileLoop loop;
  io::FileHost host;
  const auto opened = loop.run(host.open(file.path(), io::Access::read_only, io::Locking::on));
  CountingStorage counting(*opened);
  const auto image = loop.run(Image::open(loop, counting, {}));
  BitmapStore store(*image);
  counting.bytes_read = 0;
  CHECK(loop.run(store.load(BitmapStore::Contents::leave)).at(0).name == "b");
  CHECK(counting.bytes_read < 70 * kib);  // directory and table
  CHECK(loop.run(store.load()).at(0).bits->sha256() == bits.sha256());
}

struct Refused {
  const char* name;
  std::function<void(ImageFile&)> inflict;
};

/// Where the header extensions end.
std::uint64_t end_extension(ImageFile& file) {
  std::uint64_t at = file.peek(100, 4);
  while (file.peek(at, 4) != 0) at = round_up(at + 8 + file.peek(at + 4, 4), 8);
  return at;
}

const std::vector<Refused> refused{
    {"end of the extensions with a length",
     [](ImageFile& file) { file.patch(end_extension(file) + 4, 65536, 4); }},
    {"L1 table where no file reaches",
     [](ImageFile& file) { file.patch(40, (std::uint64_t{1} << 63) - 65536, 8); }},
    {"refcount table where no file reaches",
     [](ImageFile& file) { file.patch(48, (std::uint64_t{1} << 63) - 131072, 8); }},
    {"snapshot table where no file reaches",
     [](ImageFile& file) { file.patch(64, (std::uint64_t{1} << 63) - 65536, 8); }},
    {"snapshot table not at a cluster", [](ImageFile& file) { file.patch(64, 65536 + 8, 8); }},
    {"L1 table not at a cluster", [](ImageFile& file) { file.patch(40, 512, 8); }},
};

TEST_CASE("what QEMU does not open is not opened, for the same reason") {
  for (const Refused& each : refused) {
    CAPTURE(each.name);
    ImageFile file("1M", "cluster_size=64k");
    must_run({"qemu-img", "snapshot", "-c", "s", file.path()});
    REQUIRE(file.refusal().empty());
    each.inflict(file);
    CHECK_FALSE(file.refusal().empty());
    CHECK(file.refusal() == file.qemu_refusal());
  }
}

TEST_CASE("an extension may end the header's cluster, and its length may be anything that fits") {
  ImageFile file("1M", "cluster_size=64k");
  const std::uint64_t end = end_extension(file);
  file.patch(end + 4, 65536 - end - 8, 4);
  CHECK(file.refusal().empty());
  CHECK(file.qemu_refusal().empty());
}

TEST_CASE("a check tells of tables that keep an image from being opened") {
  ImageFile file("1M", "cluster_size=64k");
  must_run({"qemu-img", "snapshot", "-c", "s", file.path()});
  SECTION("a snapshot table in a wrong place cannot be checked") {
    file.patch(64, 65536 + 8, 8);
    CHECK(check_refusal(file) == "ERROR snapshot table offset invalid");
    CHECK(has(file.qemu_check().output, check_refusal(file) + "\n"));
  }
  SECTION("too many snapshots cannot be checked") {
    file.patch(60, 65537, 4);
    CHECK(check_refusal(file) == "ERROR snapshot table too large");
    CHECK(has(file.qemu_check().output, check_refusal(file) + "\n"));
  }
  SECTION("without a refcount table all refcounts are 0") {
    file.patch(56, 0, 4);
    CHECK(file.refusal() == "Image does not contain a reference count table");
    CHECK(file.refusal() == file.qemu_refusal());
    CHECK(file.check().corruptions == 4);  // header, both L1 tables, snapshot table
    CHECK(has(file.qemu_check().output, "\n4 errors were found"));
  }
}

}  // namespace
}  // namespace tests
