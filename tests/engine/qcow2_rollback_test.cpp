// SPDX-License-Identifier: MIT
#include <functional>

#include "engine/qcow2/header.h"
#include "tests/catch.h"
#include "tests/engine/qcow2_world.h"

// One operation of the storage fails while an image grows; the guest tries again and goes on.

namespace tests {
namespace {

/// A guest that repeats what fails, and remembers what it wrote.
class Guest {
 public:
  explicit Guest(Disk& disk, Bytes contents) : disk_(disk), contents_(std::move(contents)) {}

  void write(std::uint64_t at, std::uint64_t size) {
    const Bytes data = pattern(size, ++writes_);
    std::copy(data.begin(), data.end(), contents_.begin() + static_cast<std::ptrdiff_t>(at));
    insist([&] { disk_.write(at, data); });
  }
  void discard(std::uint64_t at, std::uint64_t size) {
    std::fill_n(contents_.begin() + static_cast<std::ptrdiff_t>(at), size, std::byte{0});
    insist([&] { disk_.discard(at, size); });
  }
  void resize(std::uint64_t size) {
    contents_.resize(size);
    insist([&] { disk_.resize(size); });
  }
  void flush() {
    insist([&] { disk_.flush(); });
  }
  unsigned failures() const { return failures_; }
  const Bytes& contents() const { return contents_; }
  /// What was wrong with the file just after something had failed.
  const std::string& wrong() const { return wrong_; }

 private:
  void insist(const std::function<void()>& request) {
    try {
      return request();
    } catch (const IoError&) {
      ++failures_;
    }
    wrong_ += disk_.check(true);
    request();
    wrong_ += disk_.check(true);
  }

  Disk& disk_;
  Bytes contents_;
  unsigned writes_ = 0;
  unsigned failures_ = 0;
  std::string wrong_;
};

struct Story {
  std::string title;
  CreateOptions options;
  /// What the disk holds at the beginning.
  std::uint64_t filled;
  std::function<void(Guest&)> play;
};

CreateOptions options_for(std::uint64_t size, std::uint64_t cluster, unsigned refcount_bits) {
  CreateOptions options;
  options.size.value = size;
  options.cluster_size.value = cluster;
  options.refcount_bits = refcount_bits;
  return options;
}

/// Wide refcounts in small clusters: 2 MiB fill a refcount table of one cluster.
void outgrow_the_refcount_table(Guest& guest) {
  constexpr std::uint64_t kib = 1024;
  guest.write(1983 * kib, 1 * kib);
  guest.write(1984 * kib, 3 * kib);
  guest.write(2048 * kib, 40 * kib);
  guest.discard(1024 * kib, 8 * kib);
  guest.flush();
  guest.write(2100 * kib, 50 * kib);
  guest.write(3000 * kib, 90 * kib);
}
void grow_the_disk(Guest& guest) {
  guest.write(0, 5000);
  guest.resize(4 << 20);
  guest.write((4 << 20) - 5000, 5000);
  guest.resize(12 << 20);
  guest.write(8 << 20, 2000);
  guest.resize(1 << 20);
  guest.flush();
  guest.write(500000, 40000);
}
void fill_large_clusters(Guest& guest) {
  guest.write(100, 1000);
  guest.discard(0, 1 << 18);
  guest.write(1 << 19, 300);
  guest.flush();
  guest.write(1 << 18, 300);
}

class Try {
 public:
  Try(const Story& story, const Bytes& image, const CacheSizes& caches)
      : disk_(story.options, caches) {
    disk_.kill();
    disk_.file().bytes = image;
    disk_.open(io::Access::read_write);
  }
  /// Empty if all went well, with the failure or without.
  std::string play(const Story& story, const Bytes& contents, std::uint64_t failing, bool arrives) {
    Guest guest(disk_, contents);
    disk_.file().failed_write_arrives = arrives;
    disk_.file().failing_operation = disk_.file().operations + failing;
    story.play(guest);
    disk_.file().failing_operation = 0;
    met_a_failure = guest.failures() != 0;
    std::string wrong = guest.wrong();
    const std::uint64_t size = guest.contents().size();
    if (disk_.read(0, size) != guest.contents()) wrong += "; contents";
    disk_.close();
    if (decode_header(disk_.file().bytes).has(incompatible::corrupt)) return wrong + "; corrupt";
    disk_.open(io::Access::read_write);
    if (disk_.read(0, size) != guest.contents()) wrong += "; contents after reopening";
    return wrong + disk_.check(true);
  }
  bool met_a_failure = false;

 private:
  Disk disk_;
};

TEST_CASE("an image that fails to grow is as it was, and grows the next time", "[slow]") {
  const CacheSizes tiny{ByteCount{1}, ByteCount{1}};
  const std::vector<Story> stories = {
      {"refcount table", options_for(4 << 20, 512, 64), 1983 * 1024, outgrow_the_refcount_table},
      {"disk", options_for(1 << 20, 512, 16), 0, grow_the_disk},
      {"disk, narrow refcounts", options_for(1 << 20, 512, 1), 0, grow_the_disk},
      {"large clusters", options_for(1 << 21, 1 << 17, 64), 0, fill_large_clusters}};
  for (const Story& story : stories) {
    INFO(story.title);
    Bytes contents = pattern(story.filled, 77);
    Disk first(story.options);
    first.write(0, contents);
    first.close();
    contents.resize(story.options.size.value);
    for (const bool arrives : {false, true}) {
      INFO((arrives ? "arrives" : "has no effect"));
      std::uint64_t failing = 1;
      for (bool met = true; met; ++failing) {
        INFO("operation " << failing);
        Try attempt(story, first.file().bytes, arrives ? tiny : CacheSizes{});
        REQUIRE(attempt.play(story, contents, failing, arrives) == "");
        met = attempt.met_a_failure;
      }
      CHECK(failing > 10);
    }
  }
}

}  // namespace
}  // namespace tests
