// SPDX-License-Identifier: MIT
#include <malloc.h>
#include <rapidcheck.h>

#include <algorithm>

#include "engine/bitmap/dirty_bits.h"
#include "tests/catch.h"
#include "tests/engine/units.h"

namespace engine::bitmap::sparse {
namespace {

using tests::mib;

constexpr std::uint64_t chunk_granules = SparseWords::chunk_words * 64;

std::uint64_t pick(std::uint64_t low, std::uint64_t high) {
  return *rc::gen::resize(100, rc::gen::inRange<std::uint64_t>(low, high + 1));
}

/// A number of granules that likes to be near the border of a chunk.
std::uint64_t pick_border(std::uint64_t most) {
  const std::uint64_t border = pick(0, most / chunk_granules) * chunk_granules;
  const std::uint64_t near = border + pick(0, 140);
  return std::min(most, pick(0, 3) == 0 ? pick(0, most) : near - std::min<std::uint64_t>(near, 70));
}

/// A bitmap of several chunks and its dumb twin, a bool for each granule.
struct Pair {
  static constexpr std::uint64_t granularity = 512;
  static constexpr std::uint64_t most_granules = 3 * chunk_granules + 1000;

  DirtyBits bits;
  std::vector<bool> twin;

  explicit Pair(std::uint64_t granules)
      : bits({granules * granularity}, Granularity(granularity)), twin(granules) {}

  void fill(std::uint64_t first, std::uint64_t end, bool dirty) {
    const GuestOffset start{first * granularity};
    const ByteCount length{(end - first) * granularity};
    dirty ? bits.set(start, length) : bits.reset(start, length);
    std::fill(twin.begin() + static_cast<std::ptrdiff_t>(first),
              twin.begin() + static_cast<std::ptrdiff_t>(end), dirty);
  }
  void change() {
    const std::uint64_t a = pick_border(twin.size());
    const std::uint64_t b = pick_border(twin.size());
    fill(std::min(a, b), std::max(a, b), pick(0, 1) == 1);
  }
  void resize(std::uint64_t granules) {
    bits.resize({granules * granularity});
    twin.resize(granules);
  }
  std::vector<std::byte> twin_bytes() const {
    std::vector<std::byte> bytes((twin.size() + 7) / 8);
    for (std::uint64_t i = 0; i < twin.size(); ++i) {
      if (twin[i]) bytes[i / 8] |= std::byte{1} << (i % 8);
    }
    return bytes;
  }
  bool agree() const {
    std::vector<std::byte> bytes(bits.byte_count());
    bits.write_bytes(0, bytes);
    if (bytes != twin_bytes()) return false;
    std::uint64_t total = 0;
    for (const Range& range : bits.dirty_ranges()) total += range.length.value;
    const auto dirty = static_cast<std::uint64_t>(std::ranges::count(twin, true));
    return bits.count() == dirty && total == dirty * granularity;
  }
};

void check(const std::function<void()>& property) { REQUIRE(rc::check(property)); }

TEST_CASE("bits of many chunks agree with the twin, whatever is done to them") {
  check([] {
    Pair pair(pick_border(Pair::most_granules));
    for (std::uint64_t i = pick(1, 8); i > 0; --i) {
      pair.change();
      if (pick(0, 3) == 0) pair.resize(pick_border(Pair::most_granules));
    }
    RC_ASSERT(pair.agree());
    const DirtyBits copy = pair.bits;
    RC_ASSERT(copy.sha256() == pair.bits.sha256());
    pair.bits.set({0}, pair.bits.disk_size());
    pair.twin.assign(pair.twin.size(), true);
    RC_ASSERT(pair.agree());
    pair.change();
    RC_ASSERT(pair.agree());
    pair.bits.clear();
    RC_ASSERT(pair.bits.dirty_ranges().empty());
  });
}

TEST_CASE("chunks merge as the twin does, and the source stays") {
  check([] {
    const std::uint64_t granules = pick_border(Pair::most_granules);
    Pair target(granules);
    Pair source(granules);
    for (int i = 0; i < 3; ++i) target.change();
    for (int i = 0; i < 3; ++i) source.change();
    target.bits.merge(source.bits);
    for (std::uint64_t i = 0; i < granules; ++i) target.twin[i] = target.twin[i] || source.twin[i];
    RC_ASSERT(target.agree());
    RC_ASSERT(source.agree());
  });
}

TEST_CASE("equal bits are equal and hash alike however they came about") {
  check([] {
    Pair pair(pick_border(Pair::most_granules));
    Pair other(pair.twin.size());
    for (int i = 0; i < 4; ++i) pair.change();
    for (int i = 0; i < 2; ++i) other.change();
    const std::vector<std::byte> bytes = pair.twin_bytes();
    const std::uint64_t part = pick(1, 3) * 2048 + pick(0, 2);
    for (std::uint64_t at = 0; at < bytes.size(); at += part) {
      other.bits.read_bytes(at, std::span(bytes).subspan(at, std::min(part, bytes.size() - at)));
    }
    RC_ASSERT(other.bits.sha256() == pair.bits.sha256());
    RC_ASSERT(other.bits.count() == pair.bits.count());
    RC_ASSERT(other.bits.sha256() == pair.bits.sha256());
  });
}

std::uint64_t heap_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST_CASE("large disks take memory for what is dirty, not for what they are") {
  constexpr std::uint64_t size = std::uint64_t{2} << 40;  // each 512 MiB of bits
  const std::uint64_t before = heap_bytes();
  std::vector<DirtyBits> bitmaps(30, DirtyBits({size}, Granularity(512)));
  for (std::uint64_t i = 0; i < bitmaps.size(); ++i) {
    bitmaps[i].set({i * 12345 * 512}, {1});
    bitmaps[i].set({size / 2}, {i * 1000 * mib});
    REQUIRE(bitmaps[i].dirty_ranges().size() == (i == 0 ? 1 : 2));
  }
  bitmaps[0].set({0}, {size});
  bitmaps[1].set({0}, {size});
  bitmaps[1].clear();
  bitmaps[2].merge(bitmaps[0]);
  REQUIRE(bitmaps[2].dirty_bytes().value == size);
  REQUIRE(heap_bytes() - before < 64 * mib);
}

}  // namespace
}  // namespace engine::bitmap::sparse
