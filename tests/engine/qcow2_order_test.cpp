// SPDX-License-Identifier: MIT
#include <rapidcheck.h>

#include "engine/qcow2/header.h"
#include "engine/qcow2/table_cache.h"
#include "engine/qcow2/write_order.h"
#include "tests/catch.h"
#include "tests/engine/qcow2_world.h"

namespace tests {
namespace {

/// Notes in a common log when it is written back.
class Member final : public WriteBack {
 public:
  Member(std::string name, std::string& log) : name_(std::move(name)), log_(log) {}
  bool dirty() const override { return dirty_; }
  io::Task<void> write_back() override {
    log_ += name_ + " ";
    dirty_ = false;
    return io::Task<void>::ready();
  }
  void change() { dirty_ = true; }

 private:
  std::string name_;
  std::string& log_;
  bool dirty_ = false;
};

struct Order {
  TestRuntime runtime;
  MemoryStorage file;
  std::string log;
  Member blocks{"blocks", log}, l2{"l2", log}, l1{"l1", log};
  DataWrites data;
  WriteOrder order{file};
  Order() {
    // Declared in an order that is not that of the writes.
    order.declare(l2, l1);
    order.declare(blocks, l2);
    order.declare(data, l2);
  }
};

TEST_CASE("what must come first is written first, with a flush between") {
  Order o;
  CHECK(o.order.comes_before(o.blocks, o.l1));
  CHECK_FALSE(o.order.comes_before(o.l1, o.blocks));
  for (Member* member : {&o.l1, &o.l2, &o.blocks}) member->change();
  o.runtime.run(o.order.write_back(o.l1));
  CHECK(o.log == "blocks l2 l1 ");
  CHECK(o.file.flushes == 2);
}

TEST_CASE("only what comes before is written, and no flush without a reason") {
  Order o;
  o.l1.change();
  o.l2.change();
  o.runtime.run(o.order.write_back(o.l2));
  CHECK(o.log == "l2 ");
  CHECK(o.file.flushes == 0);
  o.data.note_written();
  o.l2.change();
  o.runtime.run(o.order.write_back_all());
  CHECK(o.log == "l2 l2 l1 ");
  CHECK(o.file.flushes == 2);
}

TEST_CASE("a failed flush is needed again") {
  Order o;
  o.data.note_written();
  o.l2.change();
  o.file.successes_left = 0;
  CHECK_THROWS_AS(o.runtime.run(o.order.write_back_all()), IoError);
  CHECK(o.log.empty());
  o.file.successes_left = 10;
  o.runtime.run(o.order.write_back_all());
  CHECK(o.file.flushes == 1);
  CHECK(o.log == "l2 ");
}

TEST_CASE("a cache holds no more slices than it may, and loses no change") {
  TestRuntime runtime;
  MemoryStorage file;
  WriteOrder order(file);
  TableCache cache(file, order, ByteCount{512}, ByteCount{8 * 512});
  DataWrites data;
  order.declare(data, cache);
  for (std::uint64_t i = 0; i < 100; ++i) {
    const HostOffset place{i * 512};
    std::byte* bytes = runtime.run(cache.create(place));
    bytes[0] = std::byte(i);
  }
  CHECK(cache.cached_slices() <= 8);
  for (std::uint64_t i = 0; i < 100; ++i)
    CHECK(*runtime.run(cache.load(HostOffset{i * 512})) == std::byte(i));
}

TEST_CASE("of a slice that is known to the file only changed sectors are written") {
  TestRuntime runtime;
  MemoryStorage file;
  file.bytes.resize(4096);
  file.remembers_unflushed = true;
  WriteOrder order(file);
  TableCache cache(file, order, ByteCount{4096}, ByteCount{4 * 4096});
  runtime.run(cache.load(HostOffset{0}))[1023] = std::byte{1};
  cache.mark_dirty(HostOffset{0}, {1023, 1025});
  runtime.run(cache.write_back());
  REQUIRE(file.unflushed.size() == 1);
  CHECK(file.unflushed[0].at == 512);
  CHECK(file.unflushed[0].data.size() == 1024);
  CHECK_FALSE(cache.dirty());
  runtime.run(cache.load(HostOffset{0}))[4095] = std::byte{1};
  cache.mark_dirty(HostOffset{0}, {4095, 4096});
  cache.mark_dirty(HostOffset{0}, {2048, 2049});
  runtime.run(cache.write_back());
  REQUIRE(file.unflushed.size() == 2);
  CHECK(file.unflushed[1].at == 2048);
  CHECK(file.unflushed[1].data.size() == 2048);
}

TEST_CASE("what a cache forgets is never written") {
  TestRuntime runtime;
  MemoryStorage file;
  WriteOrder order(file);
  TableCache cache(file, order, ByteCount{512}, ByteCount{4096});
  runtime.run(cache.create(HostOffset{0}));
  cache.forget(HostOffset{0}, ByteCount{512});
  CHECK_FALSE(cache.dirty());
  CHECK(cache.find(HostOffset{0}) == nullptr);
}

/// What a power cut leaves: the durable bytes and any of the sectors written since.
Bytes after_power_cut(const MemoryStorage& file) {
  Bytes bytes = file.durable;
  for (const MemoryStorage::Write& write : file.unflushed) {
    const auto fate = *rc::gen::inRange(0, 3);
    for (std::size_t at = 0; at < write.data.size(); at += 512) {
      const bool kept = fate == 0 || (fate == 1 && *rc::gen::arbitrary<bool>());
      if (!kept) continue;
      const std::size_t size = std::min<std::size_t>(512, write.data.size() - at);
      if (bytes.size() < write.at + at + size) bytes.resize(write.at + at + size);
      std::memcpy(bytes.data() + write.at + at, write.data.data() + at, size);
    }
  }
  return bytes;
}

/// All that the disk held since the last flush; after a power cut each byte is from one of them.
struct Versions {
  std::vector<Bytes> all;

  void flushed() { all.erase(all.begin(), all.end() - 1); }
  void change(std::uint64_t at, const Bytes& bytes) {
    all.push_back(all.back());
    std::copy(bytes.begin(), bytes.end(), all.back().begin() + static_cast<std::ptrdiff_t>(at));
  }
  bool allow(const Bytes& seen) const {
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (std::none_of(all.begin(), all.end(), [&](const Bytes& v) { return v[i] == seen[i]; }))
        return false;
    }
    return true;
  }
};

/// Any request on the disk; its result is noted before it is known whether it will succeed.
void random_request(Disk& disk, Versions& versions, unsigned id) {
  const std::uint64_t disk_size = versions.all.back().size();
  const auto at = *rc::gen::inRange<std::uint64_t>(0, disk_size);
  const auto size =
      *rc::gen::inRange<std::uint64_t>(0, std::min<std::uint64_t>(disk_size - at, 9000));
  const auto verb = *rc::gen::weightedElement<int>({{4, 0}, {1, 1}, {1, 2}, {2, 3}, {1, 4}});
  if (verb == 4) {
    disk.flush();
    versions.flushed();
    return;
  }
  if (verb == 3) {
    // Whole clusters are discarded; the end of the disk counts as the end of one.
    const std::uint64_t cluster = disk.image().cluster_size().value;
    const std::uint64_t first = round_up(at, cluster);
    const std::uint64_t end = at + size == disk_size ? disk_size : round_down(at + size, cluster);
    if (first < end) versions.change(first, Bytes(end - first));
    return disk.discard(at, size);
  }
  const Bytes bytes = verb == 0 ? pattern(size, id) : Bytes(size);
  versions.change(at, bytes);
  if (verb == 0) disk.write(at, bytes);
  if (verb == 1) disk.write_zeroes(at, size, io::Unmap::yes);
  if (verb == 2) disk.write_zeroes(at, size, io::Unmap::no);
}

TEST_CASE("a power cut at any operation leaves at worst leaks, and what was flushed") {
  CHECK(rc::check([] {
    CreateOptions options;
    options.cluster_size.value = *rc::gen::element<std::uint64_t>(512, 512, 4096);
    options.version = *rc::gen::element(2u, 3u);
    if (options.version == 3) options.refcount_bits = *rc::gen::element(1u, 16u, 64u);
    options.size.value = 200 * 512;
    Disk disk(options, *rc::gen::element(CacheSizes{}, CacheSizes{ByteCount{1}, ByteCount{1}}));
    disk.file().remembers_unflushed = true;
    disk.flush();
    Versions versions{{Bytes(options.size.value)}};
    disk.file().successes_left = *rc::gen::inRange<std::uint64_t>(1, 1500);
    const auto requests = *rc::gen::inRange(10u, 80u);
    try {
      for (unsigned i = 0; i < requests; ++i) random_request(disk, versions, i);
    } catch (const IoError&) {
    }
    disk.file().successes_left = ~std::uint64_t{0};
    disk.kill();
    disk.file().bytes = after_power_cut(disk.file());
    disk.open(io::Access::read_write);
    RC_ASSERT(disk.check(true) == "");
    RC_ASSERT(versions.allow(disk.read(0, options.size.value)));
  }));
}

TEST_CASE("the old contents of a zero cluster's place never come back") {
  for (std::uint64_t successes = 0; successes < 6; ++successes) {
    Disk disk({.size = {65536}});
    disk.write(0, pattern(65536, 1));
    disk.write_zeroes(0, 65536, io::Unmap::no);
    disk.file().remembers_unflushed = true;
    disk.flush();
    disk.write(1000, pattern(10, 2));
    disk.file().successes_left = successes;
    try {
      disk.flush();
    } catch (const IoError&) {
    }
    disk.kill();
    // Of all that was not durable the last write alone survives.
    Bytes left = disk.file().durable;
    if (!disk.file().unflushed.empty()) {
      const MemoryStorage::Write& last = disk.file().unflushed.back();
      std::copy(last.data.begin(), last.data.end(),
                left.begin() + static_cast<std::ptrdiff_t>(last.at));
    }
    disk.file().bytes = left;
    disk.file().successes_left = 1000;
    disk.open(io::Access::read_write);
    CHECK((disk.read(0, 1000) == Bytes(1000)));
  }
}

TEST_CASE("a power cut while the refcount table grows leaves one table or the other", "[slow]") {
  CHECK(rc::check([] {
    // 64 clusters a block, 64 blocks a table cluster: full after 2 MiB.
    Disk disk({.size = {4 << 20}, .cluster_size = {512}, .refcount_bits = 64});
    disk.write(0, pattern(1900000, 1));
    disk.file().remembers_unflushed = true;
    disk.flush();
    disk.file().successes_left = *rc::gen::inRange<std::uint64_t>(1, 30);
    try {
      disk.write(1900000, pattern(300000, 2));
      disk.flush();
    } catch (const IoError&) {
    }
    disk.file().successes_left = ~std::uint64_t{0};
    disk.kill();
    disk.file().bytes = after_power_cut(disk.file());
    disk.open(io::Access::read_write);
    RC_ASSERT(disk.check(true) == "");
    RC_ASSERT(disk.read(0, 1900000) == pattern(1900000, 1));
  }));
}

TEST_CASE("a header is old or new whichever of its sectors a power cut leaves") {
  const std::string old_name = "base", new_name(100, 'x');
  CHECK(rc::check([&] {
    // Names of features and of the backing file: the header does not fit one sector at first.
    Disk disk({.size = {65536}, .backing_file = old_name, .backing_format = "qcow2"});
    disk.file().remembers_unflushed = true;
    disk.flush();
    disk.file().successes_left = *rc::gen::inRange<std::uint64_t>(0, 6);
    try {
      disk.run(disk.image().set_backing_strings(new_name, "raw"));
    } catch (const IoError&) {
    }
    const Header left = decode_header(after_power_cut(disk.file()));
    const bool is_old = left.backing_file == old_name && left.backing_format == "qcow2";
    const bool is_new = left.backing_file == new_name && left.backing_format == "raw";
    RC_ASSERT((is_old || is_new));
  }));
}

TEST_CASE("a header that fits one sector keeps the names of features, another drops them") {
  const auto names = [](Disk& disk) {
    return std::ranges::count(disk.image().header().extensions, extension_type::feature_names,
                              &HeaderExtension::type);
  };
  Disk plain({.size = {65536}});
  plain.run(plain.image().write_header(plain.image().header()));
  CHECK(names(plain) == 1);
  Disk backed({.size = {65536}});
  backed.run(backed.image().set_backing_strings("base", "raw"));
  CHECK(names(backed) == 0);
}

}  // namespace
}  // namespace tests
