// SPDX-License-Identifier: MIT
#include <cstring>
#include <functional>

#include "engine/error.h"
#include "engine/qcow2/header.h"
#include "tests/catch.h"
#include "tests/engine/store_world.h"
#include "tests/engine/units.h"

namespace tests {
namespace {

std::vector<std::string> summary(const std::vector<StoredBitmap>& bitmaps) {
  std::vector<std::string> lines;
  for (const StoredBitmap& bitmap : bitmaps) {
    lines.push_back(bitmap.name + " " + std::to_string(bitmap.granularity.bytes()) +
                    (bitmap.in_use ? " in-use" : "") + (bitmap.auto_record ? " auto" : ""));
  }
  return lines;
}

/// Places in an image with the bitmaps "b0" and "b1".
struct Places {
  std::uint64_t extension;  ///< its data
  std::uint64_t directory;
  std::uint64_t directory_size;
  std::uint64_t entry(unsigned i) const { return directory + i * 32; }
};

Places places_of(ImageFile& image) {
  Places places{};
  std::uint64_t at = image.peek(100, 4);
  while (image.peek(at, 4) != extension_type::bitmaps) {
    at += 8 + round_up(image.peek(at + 4, 4), 8);
  }
  places.extension = at + 8;
  places.directory_size = image.peek(places.extension + 8, 8);
  places.directory = image.peek(places.extension + 16, 8);
  return places;
}

TEST_CASE("bitmaps that QEMU made load with QEMU's bits") {
  const std::string cluster = GENERATE("512", "4k", "64k", "2M");
  const std::uint64_t granularity = GENERATE(512, 4096, 65536, 1 << 20);
  CAPTURE(cluster, granularity);
  ImageFile image("10486272", "cluster_size=" + cluster);
  image.qemu_add_bitmap("b0", granularity);
  image.qemu_io("write 100k 1");
  image.qemu_add_bitmap("b1", granularity);
  image.qemu_io("write 3M 2M");
  image.qemu_io("write 10485760 512");
  const std::vector<StoredBitmap> bitmaps = image.load();
  REQUIRE(summary(bitmaps) == image.qemu_bitmaps());
  for (const StoredBitmap& bitmap : bitmaps) {
    REQUIRE(bitmap.bits);
    REQUIRE(runs_of(*bitmap.bits) == image.qemu_dirty(bitmap.name));
  }
  REQUIRE(runs_of(*bitmaps[0].bits).size() == 3);
}

TEST_CASE("QEMU sees the bitmaps that we store") {
  const std::string cluster = GENERATE("512", "4k", "64k", "2M");
  const std::uint64_t granularity = GENERATE(512, 4096, 65536, 1 << 20);
  CAPTURE(cluster, granularity);
  const std::uint64_t size = 10 * mib + 512;
  ImageFile image(std::to_string(size), "cluster_size=" + cluster);
  const auto some =
      bits_with(size, granularity, {{100 * kib, 1}, {3 * mib, 2 * mib}, {size - 1, 1}});
  const auto none = bits_with(size, granularity, {});
  const auto all = bits_with(size, granularity, {{0, size}});
  BitmapStore& store = image.open();
  const std::vector<BitmapToStore> bitmaps{
      {"some", true, &some}, {"none", false, &none}, {"all", true, &all}};
  image.run(store.store(bitmaps));
  image.close();
  REQUIRE(image.qemu_check().status == 0);
  const std::string g = std::to_string(granularity);
  REQUIRE(image.qemu_bitmaps() ==
          std::vector<std::string>{"some " + g + " auto", "none " + g, "all " + g + " auto"});
  REQUIRE(image.qemu_dirty("some") == runs_of(some));
  REQUIRE(image.qemu_dirty("none").empty());
  REQUIRE(image.qemu_dirty("all") == std::vector{Run{0, size}});
  const std::vector<StoredBitmap> loaded = image.load();
  REQUIRE(loaded.size() == 3);
  REQUIRE(loaded[0].bits->sha256() == some.sha256());
  REQUIRE(loaded[1].bits->sha256() == none.sha256());
  REQUIRE(loaded[2].bits->sha256() == all.sha256());
}

TEST_CASE("bitmaps marked in use and never stored are in use for QEMU") {
  ImageFile image("1M");
  image.qemu_add_bitmap("b0", 65536);
  image.qemu_add_bitmap("b1", 65536);
  BitmapStore& store = image.open();
  image.run(store.mark_in_use({"b1"}));
  image.kill();
  REQUIRE(image.qemu_bitmaps() ==
          std::vector<std::string>{"b0 65536 auto", "b1 65536 in-use auto"});
  const std::vector<StoredBitmap> loaded = image.load();
  REQUIRE(loaded[0].bits);
  REQUIRE_FALSE(loaded[1].bits);
  REQUIRE(image.qemu_check().status == 0);
}

TEST_CASE("a stored bitmap replaces the one in use, in its place") {
  ImageFile image("1M");
  for (const char* name : {"b0", "b1", "b2"}) image.qemu_add_bitmap(name, 65536);
  BitmapStore& store = image.open();
  image.run(store.mark_in_use({"b0", "b1", "b2"}));
  const auto bits = bits_with(mib, 65536, {{0, 1}});
  const std::vector<BitmapToStore> bitmaps{{"b1", false, &bits}, {"new", true, &bits}};
  image.run(store.store(bitmaps));
  image.close();
  REQUIRE(image.qemu_bitmaps() == std::vector<std::string>{"b0 65536 in-use auto", "b1 65536",
                                                           "b2 65536 in-use auto",
                                                           "new 65536 auto"});
  REQUIRE(image.qemu_dirty("b1") == std::vector{Run{0, 65536}});
  REQUIRE(image.qemu_check().status == 0);
}

TEST_CASE("removing bitmaps leaves nothing behind") {
  ImageFile image("1M");
  for (const char* name : {"b0", "b1", "b2"}) image.qemu_add_bitmap(name, 65536);
  BitmapStore& store = image.open();
  image.run(store.remove("b1"));
  image.run(store.remove("missing"));
  image.close();
  REQUIRE(image.qemu_bitmaps() == std::vector<std::string>{"b0 65536 auto", "b2 65536 auto"});
  REQUIRE(image.qemu_check().status == 0);
  BitmapStore& again = image.open();
  image.run(again.remove("b2"));
  image.run(again.remove("b0"));
  REQUIRE_FALSE(image.image().header().bitmaps);
  REQUIRE(image.image().header().autoclear_features == 0);
  image.close();
  REQUIRE(image.qemu_bitmaps().empty());
  REQUIRE(image.qemu_check().status == 0);
}

TEST_CASE("entries for all ones are honoured") {
  ImageFile image("1M");
  image.qemu_add_bitmap("b0", 65536);
  image.patch(image.peek(places_of(image).entry(0), 8), 1, 8);
  const std::vector<StoredBitmap> loaded = image.load();
  REQUIRE(runs_of(*loaded[0].bits) == std::vector{Run{0, mib}});
  REQUIRE(image.qemu_dirty("b0") == runs_of(*loaded[0].bits));
}

TEST_CASE("bitmaps invalidated by another writer are not there, and go on the next writing") {
  ImageFile image("1M");
  image.qemu_add_bitmap("b0", 65536);
  image.patch(88, 0, 8);
  REQUIRE(image.load().empty());
  BitmapStore& store = image.open();
  REQUIRE(image.run(store.load()).empty());
  image.run(image.image().clear_unknown());
  REQUIRE_FALSE(image.image().header().bitmaps);
  image.close();
  REQUIRE(image.qemu_bitmaps().empty());
}

struct Damage {
  const char* name;
  std::function<void(ImageFile&, const Places&)> inflict;
};

const std::vector<Damage> damages{
    {"reserved field", [](auto& i, auto& p) { i.patch(p.extension + 4, 1, 4); }},
    {"reserved field, invalidated",
     [](auto& i, auto& p) {
       i.patch(p.extension + 4, 1, 4);
       i.patch(88, 0, 8);
     }},
    {"no bitmaps", [](auto& i, auto& p) { i.patch(p.extension, 0, 4); }},
    {"fewer bitmaps", [](auto& i, auto& p) { i.patch(p.extension, 1, 4); }},
    {"more bitmaps", [](auto& i, auto& p) { i.patch(p.extension, 3, 4); }},
    {"too many bitmaps", [](auto& i, auto& p) { i.patch(p.extension, 65536, 4); }},
    {"no directory", [](auto& i, auto& p) { i.patch(p.extension + 8, 0, 8); }},
    {"cut directory", [](auto& i, auto& p) { i.patch(p.extension + 8, 40, 8); }},
    {"half a directory", [](auto& i, auto& p) { i.patch(p.extension + 8, 32, 8); }},
    {"long directory", [](auto& i, auto& p) { i.patch(p.extension + 8, 88, 8); }},
    {"huge directory", [](auto& i, auto& p) { i.patch(p.extension + 8, 67107841, 8); }},
    {"directory at 0", [](auto& i, auto& p) { i.patch(p.extension + 16, 0, 8); }},
    {"unaligned directory", [](auto& i, auto& p) { i.patch(p.extension + 16, 512, 8); }},
    {"directory past the end", [](auto& i, auto& p) { i.patch(p.extension + 16, 1 << 30, 8); }},
    {"directory at the moon",
     [](auto& i, auto& p) { i.patch(p.extension + 16, std::uint64_t{1} << 63, 8); }},
    {"table at 0", [](auto& i, auto& p) { i.patch(p.entry(0), 0, 8); }},
    {"unaligned table", [](auto& i, auto& p) { i.patch(p.entry(0) + 7, 1, 1); }},
    {"table past the end", [](auto& i, auto& p) { i.patch(p.entry(0), 1 << 30, 8); }},
    {"table at the moon", [](auto& i, auto& p) { i.patch(p.entry(0), std::uint64_t{1} << 63, 8); }},
    {"empty table", [](auto& i, auto& p) { i.patch(p.entry(0) + 8, 0, 4); }},
    {"long table", [](auto& i, auto& p) { i.patch(p.entry(0) + 8, 2, 4); }},
    {"very long table", [](auto& i, auto& p) { i.patch(p.entry(0) + 8, 8192, 4); }},
    {"too long table", [](auto& i, auto& p) { i.patch(p.entry(0) + 8, 8193, 4); }},
    {"no flags", [](auto& i, auto& p) { i.patch(p.entry(0) + 12, 0, 4); }},
    {"extra data flag", [](auto& i, auto& p) { i.patch(p.entry(0) + 12, 4, 4); }},
    {"unknown flag", [](auto& i, auto& p) { i.patch(p.entry(0) + 12, 8, 4); }},
    {"type 0", [](auto& i, auto& p) { i.patch(p.entry(0) + 16, 0, 1); }},
    {"type 2", [](auto& i, auto& p) { i.patch(p.entry(0) + 16, 2, 1); }},
    {"fine granularity", [](auto& i, auto& p) { i.patch(p.entry(0) + 17, 8, 1); }},
    {"finest granularity", [](auto& i, auto& p) { i.patch(p.entry(0) + 17, 9, 1); }},
    {"coarsest granularity", [](auto& i, auto& p) { i.patch(p.entry(0) + 17, 31, 1); }},
    {"coarse granularity", [](auto& i, auto& p) { i.patch(p.entry(0) + 17, 32, 1); }},
    {"in use, fine", [](auto& i, auto& p) { i.patch(p.entry(0) + 12, 0x00000001'01080002, 8); }},
    {"no name", [](auto& i, auto& p) { i.patch(p.entry(0) + 18, 0, 2); }},
    {"short name", [](auto& i, auto& p) { i.patch(p.entry(0) + 18, 1, 2); }},
    {"long name", [](auto& i, auto& p) { i.patch(p.entry(0) + 18, 1024, 2); }},
    {"extra data", [](auto& i, auto& p) { i.patch(p.entry(0) + 20, 8, 4); }},
    {"much extra data", [](auto& i, auto& p) { i.patch(p.entry(0) + 20, 0xffffffff, 4); }},
    {"extra data cut off", [](auto& i, auto& p) { i.patch(p.entry(1) + 20, 8, 4); }},
    {"the same name twice", [](auto& i, auto& p) { i.patch(p.entry(1) + 24, 0x6230, 2); }},
    {"the same name twice, then in use",
     [](auto& i, auto& p) {
       i.patch(p.entry(1) + 24, 0x6230, 2);
       i.patch(p.entry(1) + 12, 1, 4);
     }},
    {"data entry 2", [](auto& i, auto& p) { i.patch(i.peek(p.entry(0), 8), 2, 8); }},
    {"unaligned data", [](auto& i, auto& p) { i.patch(i.peek(p.entry(0), 8), 0x10200, 8); }},
    {"data and all ones", [](auto& i, auto& p) { i.patch(i.peek(p.entry(0), 8), 0x50001, 8); }},
    {"data past the end",
     [](auto& i, auto& p) { i.patch(i.peek(p.entry(0), 8), std::uint64_t{1} << 40, 8); }},
    {"reserved data bits",
     [](auto& i, auto& p) { i.patch(i.peek(p.entry(0), 8), std::uint64_t{1} << 56, 8); }},
    {"a bad second bitmap after a bad first",
     [](auto& i, auto& p) {
       i.patch(p.entry(0) + 17, 8, 1);
       i.patch(p.entry(1) + 20, 8, 4);
     }},
    {"undamaged", [](auto&, auto&) {}},
};

TEST_CASE("broken bitmaps are refused in QEMU's words") {
  for (const Damage& damage : damages) {
    ImageFile image("1M");
    image.qemu_add_bitmap("b0", 65536);
    image.qemu_add_bitmap("b1", 65536);
    damage.inflict(image, places_of(image));
    CAPTURE(damage.name);
    const std::string expected = image.qemu_refusal();
    CHECK(image.refusal() == expected);
    if (std::strcmp(damage.name, "undamaged") == 0) CHECK(expected.empty());
  }
}

TEST_CASE("what cannot be stored is refused in QEMU's words") {
  const auto refusal = [](ImageFile& image, const std::string& name, std::uint64_t granularity,
                          std::uint64_t count, std::uint64_t bytes) -> std::string {
    try {
      image.open(io::Access::read_only)
          .check_can_add(name, bitmap::Granularity(granularity), count, bytes);
    } catch (const Refusal& caught) {
      image.kill();
      return caught.what();
    }
    image.kill();
    return "";
  };
  ImageFile old("1M", "compat=0.10");
  CHECK(refusal(old, "b", 65536, 0, 0) == "Cannot store dirty bitmaps in qcow2 v2 files");
  ImageFile large(std::to_string(2 * mib * mib + 512));
  const std::string too_large =
      "Too much space will be occupied by the bitmap. Use larger granularity";
  CHECK(refusal(large, std::string(1024, 'x'), 512, 0, 0) == too_large);
  CHECK(refusal(large, "b", 1024, 0, 0) == "");
  ImageFile small("1M");
  CHECK(refusal(small, std::string(1024, 'x'), 512, 0, 0) ==
        "Name length exceeds maximum (1023 characters)");
  CHECK(refusal(small, "b", 512, 65534, 0) == "");
  CHECK(refusal(small, "b", 512, 65535, 0) ==
        "Maximum number of persistent bitmaps is already reached");
  CHECK(refusal(small, "b", 512, 0, 65535 * 1024 - 32) == "");
  CHECK(refusal(small, "b", 512, 0, 65535 * 1024 - 31) ==
        "Not enough space in the bitmap directory");
}

TEST_CASE("a bitmap that is stored and not in use is not stored over") {
  ImageFile image("1M");
  image.qemu_add_bitmap("b0", 65536);
  const auto bits = bits_with(mib, 65536, {{0, 1}});
  REQUIRE_THROWS_WITH(image.store("b0", bits), "Bitmap 'b0' already exists in the image");
  image.kill();
  REQUIRE(image.qemu_dirty("b0").empty());
}

TEST_CASE("the directory tells the names of bitmaps in its order") {
  ImageFile image("1M");
  CHECK(image.run(image.open().read_names()).empty());
  image.kill();
  image.qemu_add_bitmap("b1", 65536);
  image.qemu_add_bitmap("b0", 65536);
  CHECK(image.run(image.open().read_names()) == std::vector<std::string>{"b1", "b0"});
}

}  // namespace
}  // namespace tests
