// SPDX-License-Identifier: MIT
#include "engine/qcow2/bitmap_directory.h"

#include <rapidcheck.h>

#include "engine/error.h"
#include "engine/qcow2/bitmap_table.h"
#include "engine/qcow2/bytes.h"
#include "tests/catch.h"

namespace engine::qcow2 {
namespace {

constexpr BitmapLimits limits{{65536}, {1 << 20}};

BitmapDirectoryEntry entry(const std::string& name) {
  BitmapDirectoryEntry made;
  made.table_offset = {5 * 65536};
  made.table_entries = 1;
  made.flags = bitmap_flag::auto_record;
  made.granularity_bits = 16;
  made.name = name;
  return made;
}

std::string refusal(const std::vector<std::byte>& bytes, std::uint32_t nb_bitmaps = 2) {
  try {
    decode_bitmap_directory(bytes, nb_bitmaps, limits);
    return "";
  } catch (const Refusal& caught) {
    return caught.what();
  }
}

/// What is said of a directory of "b0" and "b1" whose first entry was changed.
template <class Change>
std::string refusal_after(Change change) {
  BitmapDirectoryEntry first = entry("b0");
  change(first);
  return refusal(encode_bitmap_directory({first, entry("b1")}));
}

/// The same with a number overwritten at `at`.
template <class T>
std::string refusal_with(std::size_t at, T number) {
  std::vector<std::byte> bytes = encode_bitmap_directory({entry("b0"), entry("b1")});
  store_big<T>(bytes.data() + at, number);
  return refusal(bytes);
}

constexpr const char* b0_does_not_fit = "Bitmap 'b0' doesn't satisfy the constraints";

BitmapDirectoryEntry any_entry() {
  BitmapDirectoryEntry made = entry(*rc::gen::container<std::string>(rc::gen::inRange('a', 'z')));
  made.table_offset = {*rc::gen::inRange<std::uint64_t>(1, 1 << 20) * 65536};
  made.table_entries = *rc::gen::inRange<std::uint32_t>(1, 8193);
  made.flags = *rc::gen::inRange<std::uint32_t>(0, 4);
  made.granularity_bits = *rc::gen::inRange<std::uint8_t>(9, 32);
  return made;
}

TEST_CASE("a bitmap directory that is encoded and decoded is the same") {
  REQUIRE(rc::check([] {
    std::vector<BitmapDirectoryEntry> entries;
    for (int i = *rc::gen::inRange(1, 10); i > 0; --i) entries.push_back(any_entry());
    const std::vector<std::byte> bytes = encode_bitmap_directory(entries);
    RC_ASSERT(bytes.size() % 8 == 0u);
    const auto count = static_cast<std::uint32_t>(entries.size());
    RC_ASSERT(decode_bitmap_directory(bytes, count, limits) == entries);
  }));
}

TEST_CASE("garbage in the place of a bitmap directory is refused and nothing worse") {
  REQUIRE(rc::check([] {
    std::vector<std::byte> bytes = encode_bitmap_directory({entry("b0"), entry("b1")});
    for (int i = *rc::gen::inRange(1, 10); i > 0; --i) {
      const std::size_t at = *rc::gen::inRange<std::size_t>(0, bytes.size());
      bytes[at] = static_cast<std::byte>(*rc::gen::inRange(0, 256));
    }
    bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size() + 40));
    const std::string said = refusal(bytes);
    RC_ASSERT(said.empty() || said.find("itmap") != std::string::npos);
  }));
}

TEST_CASE("a good bitmap directory is taken") {
  REQUIRE(refusal_after([](BitmapDirectoryEntry&) {}) == "");
}

TEST_CASE("entries that cannot be dirty bitmaps of this disk are refused") {
  using Entry = BitmapDirectoryEntry;
  CHECK(refusal_after([](Entry& e) { e.table_offset = {0}; }) == b0_does_not_fit);
  CHECK(refusal_after([](Entry& e) { e.table_offset = {512}; }) == b0_does_not_fit);
  CHECK(refusal_after([](Entry& e) { e.table_entries = 0; }) == b0_does_not_fit);
  CHECK(refusal_after([](Entry& e) { e.table_entries = 8192; }) == "");
  CHECK(refusal_after([](Entry& e) { e.table_entries = 8193; }) == b0_does_not_fit);
  CHECK(refusal_after([](Entry& e) { e.flags = 4; }) == b0_does_not_fit);
  CHECK(refusal_after([](Entry& e) { e.flags = 1U << 31; }) == b0_does_not_fit);
  CHECK(refusal_after([](Entry& e) { e.type = 0; }) == b0_does_not_fit);
  CHECK(refusal_after([](Entry& e) { e.type = 2; }) == b0_does_not_fit);
  for (std::uint8_t bits : {0, 8, 32, 64, 255}) {
    CHECK(refusal_after([&](Entry& e) { e.granularity_bits = bits; }) == b0_does_not_fit);
  }
  CHECK(refusal_after([](Entry& e) { e.granularity_bits = 9; }) == "");
  CHECK(refusal_after([](Entry& e) { e.granularity_bits = 31; }) == "");
}

TEST_CASE("a bitmap too small for the disk is refused unless it is in use") {
  BitmapDirectoryEntry small = entry("b0");
  small.granularity_bits = 9;
  small.table_entries = 3;
  const auto decode = [&small] {
    const std::vector<std::byte> bytes = encode_bitmap_directory({small});
    return decode_bitmap_directory(bytes, 1, {{65536}, {1 << 30}});
  };
  REQUIRE_THROWS_AS(decode(), Refusal);
  small.flags = bitmap_flag::in_use;
  REQUIRE(decode().front().in_use());
  small.flags = 0;
  small.table_entries = 4;
  REQUIRE(decode().front().table_entries == 4);
}

TEST_CASE("broken bitmap directories are refused") {
  std::vector<std::byte> bytes = encode_bitmap_directory({entry("b0"), entry("b1")});
  CHECK(refusal(bytes, 1) == "More bitmaps found than specified in header extension");
  CHECK(refusal(bytes, 3) == "Less bitmaps found than specified in header extension");
  for (std::size_t size : {1, 8, 31, 33, 40, 63}) {
    const std::vector<std::byte> part(bytes.begin(), bytes.begin() + static_cast<long>(size));
    CHECK(refusal(part) == "Broken bitmap directory");
  }
  bytes.resize(bytes.size() + 16);
  CHECK(refusal(bytes) == "Broken bitmap directory");
  CHECK(refusal_with<std::uint16_t>(18, 1024) == "Broken bitmap directory");
  CHECK(refusal_with<std::uint32_t>(20, 8) == "Bitmap extra data is not supported");
  CHECK(refusal_with<std::uint32_t>(20, 0xffffffff) == "Bitmap extra data is not supported");
}

TEST_CASE("names are limited to 1023 bytes") {
  REQUIRE(refusal_after([](auto& e) { e.name = std::string(1023, 'x'); }) == "");
  std::vector<std::byte> bytes =
      encode_bitmap_directory({entry("b0"), entry(std::string(1023, 'x'))});
  bytes.resize(bytes.size() + 8, std::byte{'x'});
  store_big<std::uint16_t>(bytes.data() + 32 + 18, 1024);
  REQUIRE(refusal(bytes).ends_with("doesn't satisfy the constraints"));
}

TEST_CASE("an extension that cannot name a directory is refused") {
  const auto said = [](BitmapsExtension extension) -> std::string {
    try {
      check_bitmaps_extension(extension, {65536});
      return "";
    } catch (const Refusal& caught) {
      return caught.what();
    }
  };
  CHECK(said({2, {64}, {65536}}) == "");
  CHECK(said({0, {64}, {65536}}) == "found bitmaps extension with zero bitmaps");
  CHECK(said({65536, {64}, {65536}}) ==
        "bitmaps_ext: Image has 65536 bitmaps, exceeding the QEMU supported maximum of 65535");
  CHECK(said({2, {64}, {512}}) == "bitmaps_ext: invalid bitmap directory offset");
  CHECK(said({2, {67107841}, {65536}}) ==
        "bitmaps_ext: bitmap directory size (67107841) exceeds the maximum supported size "
        "(67107840)");
  CHECK(said({2, {0}, {65536}}) == "Requested bitmap directory size is zero");
}

TEST_CASE("IN_USE is set in place in the entries named") {
  std::vector<BitmapDirectoryEntry> entries{entry("b0"), entry("b1"), entry("b2")};
  std::vector<std::byte> bytes = encode_bitmap_directory(entries);
  REQUIRE(set_in_use(bytes, {"b2", "b0", "missing"}));
  entries[0].flags |= bitmap_flag::in_use;
  entries[2].flags |= bitmap_flag::in_use;
  REQUIRE(decode_bitmap_directory(bytes, 3, limits) == entries);
  REQUIRE_FALSE(set_in_use(bytes, {"b2", "b0", "missing"}));
}

TEST_CASE("table entries are zeros, ones, or a cluster") {
  const ByteCount cluster{65536};
  CHECK(BitmapTableEntry(0).is_all_zero());
  CHECK(BitmapTableEntry(1).is_all_one());
  CHECK(BitmapTableEntry(0x50000).is_data());
  for (std::uint64_t good : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0x50000}}) {
    CHECK(BitmapTableEntry(good).valid(cluster));
  }
  for (std::uint64_t bad : {std::uint64_t{2}, std::uint64_t{0x100}, std::uint64_t{0x10200},
                            std::uint64_t{0x50001}, std::uint64_t{1} << 56, ~std::uint64_t{0}}) {
    CHECK_FALSE(BitmapTableEntry(bad).valid(cluster));
  }
}

}  // namespace
}  // namespace engine::qcow2
