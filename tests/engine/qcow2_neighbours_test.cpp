// SPDX-License-Identifier: MIT
#include "engine/io/task_group.h"
#include "engine/qcow2/bytes.h"
#include "engine/qcow2/header.h"
#include "engine/qcow2/refcount_codec.h"
#include "tests/catch.h"
#include "tests/engine/qcow2_world.h"

// Several guests at work in the same clusters, each on bytes of its own.

namespace tests {
namespace {

constexpr std::uint64_t cluster = 4096;
constexpr std::uint64_t eight_clusters = 8 * cluster;

/// What the clusters are before the guests begin.
enum class Before { unallocated, zero_backing, data_backing, zero, zero_with_place, data, shared };
constexpr const char* names[] = {"unallocated",       "zero backing", "data backing", "zero",
                                 "zero with a place", "data",         "shared"};

/// Makes the guest clusters 4 to 7 show what 0 to 3 hold, in the same places of the file.
void share_clusters(Bytes& file) {
  const Header header = decode_header(file);
  const auto word = [&](std::uint64_t at) { return load_big<std::uint64_t>(&file[at]); };
  const std::uint64_t place = 0x00fffffffffffe00;
  const std::uint64_t l2 = word(header.l1_table_offset.value) & place;
  const std::uint64_t block = word(header.refcount_table_offset.value);
  const RefcountCodec codec(header.refcount_order);
  for (std::uint64_t i = 0; i < 4; ++i) {
    const std::uint64_t data = word(l2 + i * 8) & place;
    store_big<std::uint64_t>(&file[l2 + i * 8], data);
    store_big<std::uint64_t>(&file[l2 + (i + 4) * 8], data);
    codec.set(&file[block], data / cluster, 2);
  }
}

class Neighbours {
 public:
  Neighbours(Before before, unsigned version, std::uint64_t seed)
      : before_(before),
        base_(before == Before::data_backing ? pattern(eight_clusters, 99) : Bytes(eight_clusters)),
        expected_(eight_clusters),
        disk_(options(version), CacheSizes{ByteCount{1}, ByteCount{1}}, seed) {
    if (backed()) disk_.set_backing(&base_);
    if (before == Before::data_backing) expected_ = base_.bytes;
    if (before == Before::zero) disk_.write_zeroes(0, eight_clusters, io::Unmap::yes);
    if (before >= Before::zero_with_place) {
      expected_ = pattern(eight_clusters, 98);
      disk_.write(
          0, slice(expected_, 0, before == Before::shared ? eight_clusters / 2 : eight_clusters));
    }
    if (before == Before::zero_with_place) {
      disk_.write_zeroes(0, eight_clusters, io::Unmap::no);
      expected_ = Bytes(eight_clusters);
    }
    if (before == Before::shared) share();
  }

  /// Guests at work on parts of cluster 1 and 3, and one from the end of 1 to the beginning of 3.
  std::string run() {
    io::TaskGroup group(disk_.runtime());
    std::uint64_t at = cluster;
    for (const std::uint64_t end : {512, 1024, 1536, 3000, 3584, 8704, 9216, 10240, 12288}) {
      group.spawn(guest(at, cluster + end));
      at = cluster + end;
    }
    disk_.run(group.join());
    std::string wrong = std::move(wrong_);
    if (disk_.read(0, eight_clusters) != expected_) wrong += "contents; ";
    disk_.reopen();
    if (disk_.read(0, eight_clusters) != expected_) wrong += "contents after reopening; ";
    return wrong + disk_.check();
  }

 private:
  bool backed() const { return before_ == Before::zero_backing || before_ == Before::data_backing; }
  CreateOptions options(unsigned version) const {
    CreateOptions made;
    made.size.value = eight_clusters;
    made.cluster_size.value = cluster;
    made.version = version;
    if (backed()) made.backing_file = "base";
    return made;
  }
  void share() {
    disk_.close();
    share_clusters(disk_.file().bytes);
    std::copy_n(expected_.begin(), 4 * cluster, expected_.begin() + 4 * cluster);
    disk_.open(io::Access::read_write);
  }

  /// Eight requests on [start, end), one after the other; reads what it has written.
  io::Task<void> guest(std::uint64_t start, std::uint64_t end) {
    for (unsigned i = 0; i < 8; ++i) {
      co_await io::yield(disk_.runtime());
      std::uint64_t at = start + choose(end - start);
      std::uint64_t size = 1 + choose(end - at);
      if (choose(2) == 0) at = start, size = end - start;
      co_await request(choose(12), at, size);
    }
  }
  io::Task<void> request(std::uint64_t verb, std::uint64_t at, std::uint64_t size) {
    const auto first = expected_.begin() + static_cast<std::ptrdiff_t>(at);
    if (verb < 3) {
      const Bytes data = pattern(size, ++writes_);
      std::copy(data.begin(), data.end(), first);
      const std::span<const std::byte> bytes(data);
      co_await disk_.image().write({at}, bytes);
    } else if (verb < 7) {
      std::fill_n(first, size, std::byte{0});
      const io::Unmap unmap = verb < 5 ? io::Unmap::no : io::Unmap::yes;
      co_await disk_.image().write_zeroes({at}, {size}, unmap);
    } else if (verb < 8) {
      discard_expected(at, at + size);
      co_await disk_.image().discard({at}, {size});
    } else if (verb < 9) {
      co_await disk_.image().flush();
    } else {
      Bytes seen(size);
      const std::span<std::byte> buffer(seen);
      co_await disk_.image().read({at}, buffer);
      if (seen != slice(expected_, at, size)) wrong_ += "read at " + std::to_string(at) + "; ";
    }
  }
  void discard_expected(std::uint64_t at, std::uint64_t end) {
    if (disk_.image().header().version < 3 && backed()) return;
    for (at = round_up(at, cluster); at + cluster <= end; at += cluster)
      std::fill_n(expected_.begin() + static_cast<std::ptrdiff_t>(at), cluster, std::byte{0});
  }
  std::uint64_t choose(std::uint64_t limit) { return disk_.runtime().choose(limit); }

  Before before_;
  FlatBacking base_;
  Bytes expected_;
  Disk disk_;
  unsigned writes_ = 0;
  std::string wrong_;
};

TEST_CASE("who works on other bytes of the same clusters harms nobody") {
  for (const Before before :
       {Before::unallocated, Before::zero_backing, Before::data_backing, Before::zero,
        Before::zero_with_place, Before::data, Before::shared}) {
    for (const unsigned version : {2u, 3u}) {
      if (version == 2 && (before == Before::zero || before == Before::zero_with_place)) continue;
      INFO(names[static_cast<int>(before)] << ", version " << version);
      for (std::uint64_t seed = 2; seed < 102; ++seed) {
        INFO("seed " << seed);
        Neighbours neighbours(before, version, seed);
        REQUIRE(neighbours.run() == "");
      }
    }
  }
}

}  // namespace
}  // namespace tests
