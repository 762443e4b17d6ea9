// SPDX-License-Identifier: MIT
#include <rapidcheck.h>

#include <algorithm>

#include "engine/qcow2/bytes.h"
#include "engine/qcow2/free_runs.h"
#include "engine/qcow2/header.h"
#include "engine/qcow2/header_file.h"
#include "engine/qcow2/metadata_map.h"
#include "engine/qcow2/refcount_codec.h"
#include "tests/catch.h"
#include "tests/engine/qcow2_world.h"

namespace tests {
namespace {

Header random_header() {
  Header header;
  header.version = *rc::gen::element(2u, 3u);
  header.cluster_bits = *rc::gen::inRange<std::uint32_t>(12, 22);
  header.size.value = *rc::gen::inRange<std::uint64_t>(0, 1 << 24);
  header.l1_size = 1 << 15;
  header.l1_table_offset.value = header.cluster_size().value * 7;
  header.refcount_table_offset = HostOffset{0} + header.cluster_size();
  header.refcount_table_clusters = 1;
  header.backing_file = std::string(*rc::gen::inRange<std::size_t>(0, 1024), 'n');
  header.backing_format = std::string(*rc::gen::inRange<std::size_t>(0, 16), 'f');
  if (header.version == 2) {
    header.header_length = Header::v2_length;
    return header;
  }
  header.autoclear_features = *rc::gen::arbitrary<std::uint64_t>();
  header.compatible_features = *rc::gen::arbitrary<std::uint64_t>();
  header.refcount_order = *rc::gen::inRange(0u, 7u);
  header.unknown_fields.resize(8 * *rc::gen::inRange<std::size_t>(0, 4), std::byte{9});
  header.header_length += static_cast<std::uint32_t>(header.unknown_fields.size());
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
    const auto type = *rc::gen::inRange<std::uint32_t>(1, 1000);
    const auto size = *rc::gen::inRange<std::size_t>(0, 100);
    header.extensions.push_back({type, pattern(size, type)});
  }
  if (*rc::gen::arbitrary<bool>())
    header.bitmaps = BitmapsExtension{3, ByteCount{77}, HostOffset{1 << 21}};
  return header;
}

TEST_CASE("a header survives encoding and decoding") {
  CHECK(rc::check([] {
    const Header header = random_header();
    RC_ASSERT(decode_header(encode_header(header)) == header);
  }));
}

TEST_CASE("a header that is cut anywhere is refused, not misread") {
  CHECK(rc::check([] {
    const Bytes bytes = encode_header(random_header());
    const auto size = *rc::gen::inRange<std::size_t>(0, bytes.size());
    try {
      decode_header(std::span(bytes).first(size));
    } catch (const Refusal&) {
    }
  }));
}

TEST_CASE("a header that replaces another leaves nothing of it, and writes only what differs") {
  CHECK(rc::check([] {
    TestRuntime runtime;
    MemoryStorage file(&runtime);
    const Header header = random_header();
    file.bytes = encode_header(header);
    file.bytes.resize(header.cluster_size().value + 512);
    HeaderFile in_file(file);
    runtime.run(in_file.load());
    for (int i = 0; i < 3; ++i) {
      Header next = random_header();
      next.cluster_bits = header.cluster_bits;
      runtime.run(in_file.replace(next));
      Bytes expected = encode_header(next);
      expected.resize(file.bytes.size());
      const bool as_encoded = file.bytes == expected;
      RC_ASSERT(as_encoded);
      const std::uint64_t operations = file.operations;
      runtime.run(in_file.replace(next));
      RC_ASSERT(file.operations == operations);
    }
  }));
}

TEST_CASE("a header is read as far as it goes, and what follows it is left alone") {
  TestRuntime runtime;
  Header header;
  header.size.value = 16384;
  header.l1_size = 1;
  header.refcount_table_clusters = 1;
  SECTION("a long one, by its extensions") {
    header.cluster_bits = 16;
    header.extensions.push_back({77, pattern(6000, 1)});
  }
  SECTION("a short one with its name far away") {
    header.cluster_bits = 16;
    header.extensions.push_back({77, pattern(4060, 1)});
    header.backing_file = "base";
  }
  SECTION("one in a small cluster") { header.cluster_bits = 9; }
  header.l1_table_offset.value = header.cluster_size().value * 3;
  header.refcount_table_offset = HostOffset{0} + header.cluster_size();
  MemoryStorage file(&runtime);
  file.bytes = encode_header(header);
  file.bytes.resize(header.cluster_size().value);
  const Bytes data = pattern(8192, 5);
  file.bytes.insert(file.bytes.end(), data.begin(), data.end());
  HeaderFile in_file(file);
  runtime.run(in_file.load());
  CHECK(in_file.header().extensions == header.extensions);
  CHECK(in_file.header().backing_file == header.backing_file);
  for (const std::size_t size : {0, 100, 0}) {
    Header next = in_file.header();
    next.extensions.assign(size != 0 ? 1 : 0, {78, pattern(size, 2)});
    runtime.run(in_file.replace(next));
    Bytes expected = encode_header(next);
    expected.resize(header.cluster_size().value);
    expected.insert(expected.end(), data.begin(), data.end());
    CHECK(file.bytes == expected);
  }
}

TEST_CASE("the next entry of a table that is not zero is found from everywhere") {
  CHECK(rc::check([] {
    std::vector<std::uint64_t> entries(*rc::gen::inRange<std::size_t>(0, 300));
    for (int i = *rc::gen::inRange(0, 4); i > 0 && !entries.empty(); --i) {
      entries[*rc::gen::inRange<std::size_t>(0, entries.size())] = std::uint64_t{1} << 63;
    }
    for (std::size_t from = 0; from <= entries.size(); ++from) {
      const auto start = entries.begin() + static_cast<std::ptrdiff_t>(from);
      const auto found = std::find_if(start, entries.end(), [](auto entry) { return entry != 0; });
      RC_ASSERT(next_filled(entries, from) == static_cast<std::uint64_t>(found - entries.begin()));
    }
  }));
}

TEST_CASE("refcounts of every width stay where they were put") {
  for (unsigned order = 0; order <= 6; ++order) {
    const RefcountCodec codec(order);
    CHECK(rc::check([&] {
      Bytes block(512);
      std::vector<std::uint64_t> expected(4096 >> order);
      for (int i = 0; i < 50; ++i) {
        const auto index = *rc::gen::inRange<std::size_t>(0, expected.size());
        const auto value = *rc::gen::arbitrary<std::uint64_t>() & codec.max();
        codec.set(block.data(), index, value);
        expected[index] = value;
      }
      for (std::size_t i = 0; i < expected.size(); ++i)
        RC_ASSERT(codec.get(block.data(), i) == expected[i]);
    }));
  }
}

TEST_CASE("refcounts lie as the specification has them") {
  Bytes block(64);
  RefcountCodec(0).set(block.data(), 9, 1);
  CHECK(block[1] == std::byte{0x02});
  RefcountCodec(2).set(block.data(), 5, 0xa);
  CHECK(block[2] == std::byte{0xa0});
  RefcountCodec(4).set(block.data(), 2, 0x1234);
  CHECK(block[4] == std::byte{0x12});
  RefcountCodec(6).set(block.data(), 1, 0x0102030405060708);
  CHECK(block[8] == std::byte{0x01});
}

TEST_CASE("freed clusters are joined and given out from below") {
  FreeRuns runs;
  runs.add({{10}, 1});
  runs.add({{12}, 1});
  runs.add({{11}, 1});
  CHECK_FALSE(runs.take(4, 4));
  const auto taken = runs.take(2, 2);
  REQUIRE(taken);
  CHECK(taken->first.value == 10);
  CHECK(taken->count == 2);
  CHECK(runs.take(1, 5)->first.value == 12);
  CHECK_FALSE(runs.take(1, 1));
}

TEST_CASE("free runs that do not fit are looked for later") {
  FreeRuns runs(2);
  for (std::uint64_t i : {30, 20, 10}) runs.add({{i}, 1});
  CHECK_FALSE(runs.take_forgotten());
  while (runs.take(1, 1)) {
  }
  CHECK(runs.take_forgotten() == HostCluster{10});
  CHECK_FALSE(runs.take_forgotten());
}

TEST_CASE("the metadata map knows its clusters") {
  MetadataMap map;
  map.add({{60}, 10});
  CHECK(map.overlaps({{60}, 1}));
  CHECK(map.overlaps({{0}, 61}));
  CHECK(map.overlaps({{69}, 200}));
  CHECK_FALSE(map.overlaps({{70}, 100}));
  CHECK_FALSE(map.overlaps({{0}, 60}));
  map.remove({{60}, 10});
  CHECK_FALSE(map.overlaps({{0}, 1000}));
}

}  // namespace
}  // namespace tests
