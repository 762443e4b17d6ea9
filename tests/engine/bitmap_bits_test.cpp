// SPDX-License-Identifier: MIT
#include <rapidcheck.h>

#include <algorithm>
#include <set>

#include "engine/bitmap/dirty_bits.h"
#include "tests/catch.h"
#include "tests/engine/units.h"

namespace engine::bitmap {
namespace {

using tests::kib, tests::mib;

/// The dumb twin: the set of dirty granules.
class Twin {
 public:
  Twin(std::uint64_t size, std::uint64_t granularity) : size_(size), granularity_(granularity) {}

  void set(std::uint64_t offset, std::uint64_t length) {
    for (std::uint64_t g = 0; g < granules(); ++g) {
      if (std::max(start(g), offset) < std::min(start(g + 1), offset + length)) dirty_.insert(g);
    }
  }
  void reset(std::uint64_t offset, std::uint64_t length) {
    for (std::uint64_t g = 0; g < granules(); ++g) {
      const std::uint64_t end = std::min(start(g + 1), size_);
      if (offset <= start(g) && end <= offset + length) dirty_.erase(g);
    }
  }
  void merge(const Twin& source) {
    const std::set<std::uint64_t> granules_of_source = source.dirty_;
    for (std::uint64_t g : granules_of_source) {
      const std::uint64_t end = std::min(source.start(g + 1), size_);
      set(source.start(g), end - source.start(g));
    }
  }
  void resize(std::uint64_t size) {
    size_ = size;
    std::erase_if(dirty_, [this](std::uint64_t g) { return g >= granules(); });
  }
  bool dirty(std::uint64_t offset) const { return dirty_.contains(offset / granularity_); }
  std::uint64_t count() const { return dirty_.size(); }
  std::uint64_t size() const { return size_; }

 private:
  std::uint64_t granules() const { return (size_ + granularity_ - 1) / granularity_; }
  std::uint64_t start(std::uint64_t granule) const { return granule * granularity_; }

  std::uint64_t size_;
  std::uint64_t granularity_;
  std::set<std::uint64_t> dirty_;
};

/// Any number in [low, high].
std::uint64_t pick(std::uint64_t low, std::uint64_t high) {
  return *rc::gen::resize(100, rc::gen::inRange<std::uint64_t>(low, high + 1));
}

/// A bitmap and its twin, changed alike.
struct Pair {
  DirtyBits bits;
  Twin twin;

  Pair(std::uint64_t size, std::uint64_t granularity)
      : bits({size}, Granularity(granularity)), twin(size, granularity) {}
  static Pair any(std::uint64_t size) { return {size, std::uint64_t{512} << pick(0, 4)}; }

  void change() {
    const std::uint64_t size = twin.size();
    const std::uint64_t offset = pick(0, size);
    const std::uint64_t length = pick(0, size - offset);
    if (pick(0, 2) != 0) {
      bits.set({offset}, {length});
      twin.set(offset, length);
    } else {
      bits.reset({offset}, {length});
      twin.reset(offset, length);
    }
  }
  void change_often() {
    for (std::uint64_t i = pick(0, 6); i > 0; --i) change();
  }
  bool agree() const {
    if (bits.count() != twin.count()) return false;
    for (std::uint64_t at = 0; at < twin.size(); at += 512) {
      if (bits.test({at}) != twin.dirty(at)) return false;
    }
    return true;
  }
};

void check(const std::function<void()>& property) { REQUIRE(rc::check(property)); }

TEST_CASE("set and reset agree with the twin") {
  check([] {
    Pair pair = Pair::any(pick(1, 200 * kib));
    pair.change_often();
    RC_ASSERT(pair.agree());
  });
}

TEST_CASE("resizing agrees with the twin") {
  check([] {
    Pair pair = Pair::any(pick(0, 200 * kib));
    for (int i = 0; i < 3; ++i) {
      pair.change_often();
      const std::uint64_t size = pick(0, 200 * kib);
      pair.bits.resize({size});
      pair.twin.resize(size);
      RC_ASSERT(pair.agree());
    }
  });
}

TEST_CASE("merging agrees with the twin at all granularities") {
  check([] {
    const std::uint64_t size = pick(1, 200 * kib);
    Pair target = Pair::any(size);
    Pair source = Pair::any(size);
    target.change_often();
    source.change_often();
    const DirtyBits before = source.bits;
    target.bits.merge(source.bits);
    target.twin.merge(source.twin);
    RC_ASSERT(target.agree());
    RC_ASSERT(source.bits.sha256() == before.sha256());
  });
}

TEST_CASE("the searches find what a walk over the bytes finds") {
  check([] {
    Pair pair = Pair::any(pick(1, 60 * kib));
    pair.change_often();
    const std::uint64_t size = pair.twin.size();
    const std::uint64_t from = pick(0, size);
    const std::uint64_t end = pick(0, size + 5);
    for (bool dirty : {true, false}) {
      std::optional<GuestOffset> expected;
      for (std::uint64_t at = from; at < std::min(end, size) && !expected; ++at) {
        if (pair.twin.dirty(at) == dirty) expected = GuestOffset{at};
      }
      const GuestOffset start{from};
      RC_ASSERT((dirty ? pair.bits.next_dirty(start, {end}) : pair.bits.next_clean(start, {end})) ==
                expected);
    }
  });
}

TEST_CASE("dirty ranges are maximal and cover exactly what is dirty") {
  check([] {
    Pair pair = Pair::any(pick(1, 100 * kib));
    pair.change_often();
    std::uint64_t walked = 0;
    for (const Range& range : pair.bits.dirty_ranges()) {
      RC_ASSERT(range.length.value > 0u);
      RC_ASSERT(walked == 0u || walked < range.start.value);
      for (; walked < range.start.value; ++walked) RC_ASSERT_FALSE(pair.twin.dirty(walked));
      for (; walked < range.end().value; ++walked) RC_ASSERT(pair.twin.dirty(walked));
    }
    for (; walked < pair.twin.size(); ++walked) RC_ASSERT_FALSE(pair.twin.dirty(walked));
  });
}

TEST_CASE("bytes written and read back in any parts are the same bits") {
  check([] {
    Pair pair = Pair::any(pick(1, 200 * kib));
    pair.change_often();
    Pair copy(pair.twin.size(), pair.bits.granularity().bytes());
    copy.change_often();
    const std::uint64_t part = pick(1, 20);
    for (std::uint64_t first = 0; first < pair.bits.byte_count() + 3; first += part) {
      std::vector<std::byte> bytes(part, std::byte{0xee});
      pair.bits.write_bytes(first, bytes);
      const bool zero = std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
      RC_ASSERT(pair.bits.bytes_are_zero(first, part) == zero);
      copy.bits.read_bytes(first, bytes);
    }
    RC_ASSERT(copy.bits.sha256() == pair.bits.sha256());
  });
}

TEST_CASE("bits past the last granule are ignored when read") {
  DirtyBits bits({3 * 512}, Granularity(512));
  const std::vector<std::byte> ones(1, std::byte{0xff});
  bits.read_bytes(0, ones);
  REQUIRE(bits.count() == 3);
  bits.resize({100 * 512});
  REQUIRE(bits.count() == 3);
}

TEST_CASE("after growing, searches reach the new area (B01)") {
  DirtyBits bits({mib}, Granularity(64 * kib));
  bits.resize({2 * mib});
  bits.set({mib + 5}, {1});
  REQUIRE(bits.next_dirty({0}, {2 * mib}) == GuestOffset{mib});
  REQUIRE(bits.dirty_ranges() == std::vector{Range{{mib}, {64 * kib}}});
  bits.resize({mib});
  REQUIRE(bits.next_dirty({0}, {2 * mib}) == std::nullopt);
}

TEST_CASE("an empty range changes nothing (B03)") {
  DirtyBits bits({mib}, Granularity(64 * kib));
  for (std::uint64_t at : {std::uint64_t{0}, 64 * kib, mib}) bits.set({at}, {0});
  REQUIRE(bits.count() == 0);
  bits.set({0}, {mib});
  for (std::uint64_t at : {std::uint64_t{0}, 64 * kib, mib}) bits.reset({at}, {0});
  REQUIRE(bits.count() == 16);
}

TEST_CASE("merging across granularities marks a superset and counts it (B05)") {
  DirtyBits fine({mib}, Granularity(4 * kib));
  DirtyBits coarse({mib}, Granularity(64 * kib));
  fine.set({100 * kib}, {1});
  coarse.merge(fine);
  REQUIRE(coarse.dirty_ranges() == std::vector{Range{{64 * kib}, {64 * kib}}});
  REQUIRE(coarse.dirty_bytes() == ByteCount{64 * kib});
  fine.merge(coarse);
  REQUIRE(fine.count() == 16);
  REQUIRE(fine.dirty_ranges() == coarse.dirty_ranges());
}

TEST_CASE("merging with itself changes nothing") {
  DirtyBits bits({mib}, Granularity(4 * kib));
  bits.set({100 * kib}, {1});
  const DirtyBits before = bits;
  bits.merge(bits);
  REQUIRE(bits.sha256() == before.sha256());
}

TEST_CASE("a search sees what was reset and set since the last one (B07)") {
  DirtyBits bits({mib}, Granularity(4 * kib));
  bits.set({0}, {64 * kib});
  REQUIRE(bits.next_dirty({4 * kib}, {mib}) == GuestOffset{4 * kib});
  bits.reset({8 * kib}, {4 * kib});
  bits.set({512 * kib}, {1});
  REQUIRE(bits.next_dirty({8 * kib}, {mib}) == GuestOffset{12 * kib});
  bits.reset({0}, {256 * kib});
  REQUIRE(bits.next_dirty({12 * kib}, {mib}) == GuestOffset{512 * kib});
}

TEST_CASE("the last granule may be partial (B08)") {
  DirtyBits bits({mib + 512}, Granularity(64 * kib));
  REQUIRE(bits.granules() == 17);
  bits.set({mib + 511}, {1});
  REQUIRE(bits.dirty_bytes() == ByteCount{64 * kib});
  REQUIRE(bits.dirty_ranges() == std::vector{Range{{mib}, {512}}});
  SECTION("it is reset as a whole by a range up to the end") {
    bits.reset({mib}, {512});
    REQUIRE(bits.count() == 0);
  }
  SECTION("a range that misses a byte of it leaves it") {
    bits.reset({mib + 1}, {511});
    bits.reset({mib}, {511});
    REQUIRE(bits.count() == 1);
  }
  SECTION("shrinking into it keeps it") {
    bits.resize({mib + 1});
    REQUIRE(bits.count() == 1);
    bits.resize({mib});
    REQUIRE(bits.count() == 0);
  }
}

TEST_CASE("a run is cut off at the end and at the greatest length") {
  DirtyBits bits({mib}, Granularity(4 * kib));
  bits.set({64 * kib}, {64 * kib});
  const auto run = [&bits](std::uint64_t from, std::uint64_t end, std::uint64_t longest) {
    return bits.next_dirty_range({from}, {end}, {longest});
  };
  REQUIRE(run(0, mib, mib) == Range{{64 * kib}, {64 * kib}});
  REQUIRE(run(0, mib, 1000) == Range{{64 * kib}, {1000}});
  REQUIRE(run(0, 65 * kib, mib) == Range{{64 * kib}, {kib}});
  REQUIRE(run(100 * kib, mib, mib) == Range{{100 * kib}, {28 * kib}});
  REQUIRE(run(0, mib, 0) == std::nullopt);
  REQUIRE(run(128 * kib, mib, mib) == std::nullopt);
}

TEST_CASE("a disk of 64 TiB is no trouble") {
  constexpr std::uint64_t size = std::uint64_t{64} << 40;
  DirtyBits bits({size}, Granularity(64 * kib));
  REQUIRE(bits.granules() == std::uint64_t{1} << 30);
  bits.set({size - 1}, {1});
  REQUIRE(bits.next_dirty({0}, {size}) == GuestOffset{size - 64 * kib});
  bits.set({0}, {size});
  REQUIRE(bits.dirty_bytes() == ByteCount{size});
  bits.reset({size / 2}, {64 * kib});
  REQUIRE(bits.next_clean({0}, {size}) == GuestOffset{size / 2});
}

TEST_CASE("the greatest granularity covers a small disk with one bit") {
  DirtyBits bits({mib}, Granularity(Granularity::max_bytes));
  bits.set({5}, {1});
  REQUIRE(bits.dirty_bytes() == ByteCount{Granularity::max_bytes});
  REQUIRE(bits.dirty_ranges() == std::vector{Range{{0}, {mib}}});
}

}  // namespace
}  // namespace engine::bitmap
