// SPDX-License-Identifier: MIT
#include <rapidcheck.h>

#include "engine/io/task_group.h"
#include "engine/qcow2/header.h"
#include "tests/catch.h"
#include "tests/engine/qcow2_world.h"

namespace tests {
namespace {

enum class Verb { write, zero, zero_unmap, discard, flush, reopen };

struct Step {
  Verb verb;
  std::uint64_t at;
  std::uint64_t size;
};
std::ostream& operator<<(std::ostream& out, const Step& step) {
  static constexpr const char* names[] = {"write", "zero", "zero -u", "discard", "flush", "reopen"};
  return out << names[static_cast<int>(step.verb)] << ' ' << step.at << ' ' << step.size;
}

rc::Gen<std::vector<Step>> steps(std::uint64_t disk_size, std::uint64_t cluster_size) {
  const auto step = rc::gen::exec([=] {
    const auto verb = static_cast<Verb>(
        *rc::gen::weightedElement<int>({{8, 0}, {2, 1}, {2, 2}, {3, 3}, {1, 4}, {1, 5}}));
    // Half of the requests begin or end at a cluster's border.
    std::uint64_t at = *rc::gen::inRange<std::uint64_t>(0, disk_size);
    const std::uint64_t most = std::clamp<std::uint64_t>(5 * cluster_size, 0, disk_size);
    std::uint64_t size = *rc::gen::inRange<std::uint64_t>(0, most);
    if (*rc::gen::arbitrary<bool>()) at = round_down(at, cluster_size);
    if (*rc::gen::arbitrary<bool>()) size = round_up(size, cluster_size);
    size = std::min(size, disk_size - at);
    return Step{verb, at, size};
  });
  return rc::gen::container<std::vector<Step>>(step);
}

/// A disk beside a flat array of what it has to hold.
struct Twins {
  Disk& disk;
  Bytes flat;
  bool discards_are_zero;
  unsigned writes = 0;

  void apply(const Step& step) {
    const auto at = static_cast<std::ptrdiff_t>(step.at);
    switch (step.verb) {
      case Verb::write: {
        const Bytes data = pattern(step.size, ++writes);
        std::copy(data.begin(), data.end(), flat.begin() + at);
        return disk.write(step.at, data);
      }
      case Verb::zero:
      case Verb::zero_unmap:
        std::fill_n(flat.begin() + at, step.size, std::byte{0});
        return disk.write_zeroes(step.at, step.size,
                                 step.verb == Verb::zero ? io::Unmap::no : io::Unmap::yes);
      case Verb::discard:
        discard(step.at, step.at + step.size);
        return disk.discard(step.at, step.size);
      case Verb::flush:
        disk.flush();
        RC_ASSERT(disk.check() == "");
        return;
      case Verb::reopen:
        return disk.reopen();
    }
  }
  void discard(std::uint64_t start, std::uint64_t end) {
    const std::uint64_t cluster = disk.image().cluster_size().value;
    start = round_up(start, cluster);
    if (end != flat.size()) end = round_down(end, cluster);
    if (discards_are_zero && start < end)
      std::fill(flat.begin() + static_cast<std::ptrdiff_t>(start),
                flat.begin() + static_cast<std::ptrdiff_t>(end), std::byte{0});
  }
};

CreateOptions random_options(bool backing) {
  CreateOptions options;
  const auto bits = *rc::gen::inRange(9, 22);
  options.cluster_size.value = std::uint64_t{1} << bits;
  options.version = *rc::gen::element(2u, 3u);
  if (options.version == 3) options.refcount_bits = 1u << *rc::gen::inRange(0, 7);
  const auto most = std::clamp<std::uint64_t>(40 * options.cluster_size.value, 300000, 3 << 20);
  options.size.value = round_up(*rc::gen::inRange<std::uint64_t>(512, most), 512);
  if (backing) options.backing_file = "base";
  return options;
}

/// Caches of the least size make slices come and go.
CacheSizes random_caches() {
  return *rc::gen::element(CacheSizes{}, CacheSizes{ByteCount{1}, ByteCount{1}});
}

TEST_CASE("an image equals a flat array after any requests") {
  CHECK(rc::check([] {
    const bool backed = *rc::gen::arbitrary<bool>();
    const CreateOptions options = random_options(backed);
    FlatBacking base(pattern(*rc::gen::inRange<std::size_t>(0, options.size.value * 2), 99));
    Disk disk(options, random_caches());
    Twins twins{disk, Bytes(options.size.value), options.version == 3 || !backed};
    if (backed) {
      disk.set_backing(&base);
      std::copy_n(base.bytes.begin(), std::min(base.bytes.size(), twins.flat.size()),
                  twins.flat.begin());
    }
    const auto all = *steps(options.size.value, options.cluster_size.value);
    for (const Step& step : all) twins.apply(step);
    RC_ASSERT(disk.read(0, options.size.value) == twins.flat);
    disk.reopen();
    RC_ASSERT(disk.read(0, options.size.value) == twins.flat);
    RC_ASSERT(disk.check() == "");
  }));
}

io::Task<void> write_later(Disk& disk, std::uint64_t at, const Bytes& data) {
  co_await io::yield(disk.runtime());
  const std::span<const std::byte> bytes(data);
  co_await disk.image().write({at}, bytes);
}
io::Task<void> discard_later(Disk& disk, std::uint64_t at, std::uint64_t size) {
  co_await io::yield(disk.runtime());
  co_await disk.image().discard({at}, {size});
}
io::Task<void> flush_later(Disk& disk) {
  co_await io::yield(disk.runtime());
  co_await disk.image().flush();
}

TEST_CASE("requests in flight together end as if one went after the other") {
  CHECK(rc::check([] {
    const auto seed = *rc::gen::inRange<std::uint64_t>(2, 1 << 30);
    const auto cluster = std::uint64_t{1} << *rc::gen::inRange(9, 17);
    CreateOptions options;
    options.size.value = 64 * 4096;
    options.cluster_size.value = cluster;
    options.backing_file = "base";
    FlatBacking base(pattern(options.size.value, 99));
    Disk disk(options, random_caches(), seed);
    disk.set_backing(&base);
    Bytes expected = base.bytes;
    std::vector<Bytes> data;
    data.reserve(64);
    io::TaskGroup group(disk.runtime());
    // 64 pieces; each is written by at most one request, and discarded by none, or the other way.
    for (std::uint64_t piece = 0; piece < 64; ++piece) {
      const auto what = *rc::gen::inRange(0, 4);
      const std::uint64_t at = piece * 4096;
      if (what == 0 && *rc::gen::arbitrary<bool>()) group.spawn(flush_later(disk));
      if (what == 1 && cluster == 4096) {
        std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(at), 4096, std::byte{0});
        group.spawn(discard_later(disk, at, 4096));
      }
      if (what < 2) continue;
      const auto size = *rc::gen::inRange<std::size_t>(1, 4097);
      data.push_back(pattern(size, static_cast<unsigned>(piece)));
      std::copy(data.back().begin(), data.back().end(),
                expected.begin() + static_cast<std::ptrdiff_t>(at));
      group.spawn(write_later(disk, at, data.back()));
    }
    disk.run(group.join());
    RC_ASSERT(disk.read(0, options.size.value) == expected);
    disk.reopen();
    RC_ASSERT(disk.read(0, options.size.value) == expected);
    RC_ASSERT(disk.check() == "");
  }));
}

TEST_CASE("a cluster that was freed serves nobody twice") {
  CHECK(rc::check([] {
    CreateOptions options;
    options.size.value = 64 * 4096;
    options.cluster_size.value = 4096;
    Disk disk(options, {}, *rc::gen::inRange<std::uint64_t>(2, 1 << 30));
    disk.write(0, pattern(32 * 4096, 200));
    std::vector<Bytes> data;
    data.reserve(64);
    io::TaskGroup group(disk.runtime());
    // The lower half is overwritten, discarded and flushed without rest, which frees clusters that
    // the upper half takes.
    for (unsigned i = 0; i < 32; ++i) {
      const auto cluster = *rc::gen::inRange<std::uint64_t>(0, 8);
      data.push_back(pattern(4096, 100 + i));
      group.spawn(write_later(disk, cluster * 4096, data.back()));
      group.spawn(discard_later(disk, cluster * 4096, 4096));
      if (*rc::gen::arbitrary<bool>()) group.spawn(flush_later(disk));
      data.push_back(pattern(4096, i));
      group.spawn(write_later(disk, (32 + i) * 4096, data.back()));
      for (auto steps = *rc::gen::inRange(0, 30); steps > 0; --steps) disk.runtime().step();
    }
    disk.run(group.join());
    for (unsigned i = 0; i < 32; ++i)
      RC_ASSERT(disk.read((32 + i) * 4096, 4096) == pattern(4096, i));
    disk.reopen();
    RC_ASSERT(disk.check() == "");
  }));
}

TEST_CASE("a failing storage leaves at worst leaks, and what was flushed", "[slow]") {
  CHECK(rc::check([] {
    const CreateOptions options = random_options(false);
    Disk disk(options, random_caches());
    Twins twins{disk, Bytes(options.size.value), true};
    const auto before = *steps(options.size.value, options.cluster_size.value);
    for (const Step& step : before) twins.apply(step);
    disk.flush();
    disk.file().successes_left = *rc::gen::inRange<std::uint64_t>(0, 40);
    const auto after = *steps(options.size.value, options.cluster_size.value);
    std::vector<bool> touched(options.size.value);
    for (const Step& step : after) {
      if (step.verb == Verb::reopen) continue;
      std::fill_n(touched.begin() + static_cast<std::ptrdiff_t>(step.at), step.size, true);
      try {
        twins.apply(step);
      } catch (const IoError&) {
      }
    }
    // The storage works again: the image must be whole, be it after a kill or after a proper end.
    disk.file().successes_left = ~std::uint64_t{0};
    if (*rc::gen::arbitrary<bool>()) disk.close();
    disk.open(io::Access::read_write);
    RC_ASSERT(disk.check(true) == "");
    const Bytes now = disk.read(0, options.size.value);
    for (std::size_t i = 0; i < now.size(); ++i) RC_ASSERT(touched[i] || now[i] == twins.flat[i]);
  }));
}

}  // namespace
}  // namespace tests
