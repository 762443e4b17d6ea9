// SPDX-License-Identifier: MIT
#include "engine/qcow2/check.h"

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "tests/catch.h"
#include "tests/engine/qcow2_world.h"
#include "tests/engine/store_world.h"

namespace tests {
namespace {

using nlohmann::json;

constexpr std::uint64_t copied = std::uint64_t{1} << 63;

/// An image with data, zeros, a compressed part, a snapshot and a bitmap, as QEMU makes it.
class Sample {
 public:
  explicit Sample(const std::string& options, const std::string& compressed = "64k")
      : file("8M", options) {
    if (options.find("0.10") == std::string::npos) file.qemu_add_bitmap("b0", 65536);
    file.qemu_io("write 64k 1M");
    file.qemu_io("write -c 2M " + compressed);
    file.qemu_io("write -z 6M 128k");
    file.qemu_io("write -z 256k 64k");  // what is there stays mapped
    must_run({"qemu-img", "snapshot", "-c", "s0", file.path()});
    file.qemu_io("write 128k 64k");
    const std::uint64_t place = 0x00fffffffffffe00;
    l1 = file.peek(40, 8);
    l2 = file.peek(l1, 8) & place;
    refcount_table = file.peek(48, 8);
    refcount_block = file.peek(refcount_table, 8);
    std::filesystem::copy_file(file.path(), file.path() + ".good");
  }
  /// Makes the image what it was.
  void restore() {
    std::filesystem::copy_file(file.path() + ".good", file.path(),
                               std::filesystem::copy_options::overwrite_existing);
  }

  ImageFile file;
  std::uint64_t l1;
  std::uint64_t l2;
  std::uint64_t refcount_table;
  std::uint64_t refcount_block;
  /// The L2 entry of the cluster at 64k of an image with such clusters.
  std::uint64_t entry() const { return l2 + 8; }
};

/// What matters of a report, in the words of qemu-img check --output=json.
json ours(ImageFile& file) {
  const CheckReport report = file.check();
  return {{"corruptions", report.corruptions},
          {"leaks", report.leaks},
          {"image-end-offset", report.image_end_offset.value},
          {"total-clusters", report.total_clusters},
          {"allocated-clusters", report.allocated_clusters},
          {"fragmented-clusters", report.fragmented_clusters},
          {"compressed-clusters", report.compressed_clusters}};
}

json qemus(ImageFile& file) {
  const Outcome outcome = run({"qemu-img", "check", "--output=json", file.path()});
  const json said = json::parse(outcome.output.substr(outcome.output.find('{')));
  json report;
  for (const char* key : {"corruptions", "leaks", "image-end-offset", "total-clusters",
                          "allocated-clusters", "fragmented-clusters", "compressed-clusters"}) {
    report[key] = said.value(key, 0);
  }
  return report;
}

TEST_CASE("sound images are clean and count as qemu-img counts them") {
  const auto [options, compressed] = GENERATE(table<const char*, const char*>({
      {"cluster_size=64k", "64k"},
      {"compat=0.10", "64k"},
      {"cluster_size=512,refcount_bits=2", "512"},
      {"cluster_size=4k,refcount_bits=8", "4k"},
      {"cluster_size=2M,refcount_bits=64", "2M"},
  }));
  const std::string shown = options;
  CAPTURE(shown);
  Sample sample(options, compressed);
  REQUIRE(ours(sample.file) == qemus(sample.file));
  REQUIRE(sample.file.check().findings.empty());
}

struct Damage {
  const char* name;
  std::function<void(Sample&)> inflict;
};

const std::vector<Damage> damages{
    {"COPIED missing on data",
     [](Sample& s) { s.file.patch(s.entry() + 8, s.file.peek(s.entry() + 8, 8) & ~copied, 8); }},
    {"COPIED wrong on data",
     [](Sample& s) { s.file.patch(s.entry(), s.file.peek(s.entry(), 8) | copied, 8); }},
    {"COPIED missing on an L2 table",
     [](Sample& s) { s.file.patch(s.l1, s.file.peek(s.l1, 8) & ~copied, 8); }},
    {"unaligned data",
     [](Sample& s) { s.file.patch(s.entry() + 8, s.file.peek(s.entry() + 8, 8) + 512, 8); }},
    {"reserved bit in an L2 entry",
     [](Sample& s) { s.file.patch(s.entry() + 8, s.file.peek(s.entry() + 8, 8) + 2, 8); }},
    {"reserved bit in an L1 entry",
     [](Sample& s) { s.file.patch(s.l1, s.file.peek(s.l1, 8) + 2, 8); }},
    {"data past the end",
     [](Sample& s) { s.file.patch(s.entry() + 8, copied + (std::uint64_t{1} << 40), 8); }},
    {"L2 table past the end",
     [](Sample& s) { s.file.patch(s.l1, copied + (std::uint64_t{1} << 40), 8); }},
    {"data on the refcount table",
     [](Sample& s) { s.file.patch(s.entry() + 8, copied + s.refcount_table, 8); }},
    {"two refcounts 0", [](Sample& s) { s.file.patch(s.refcount_block, 0, 4); }},
    {"refcounts too high", [](Sample& s) { s.file.patch(s.refcount_block, 0x00030003, 4); }},
    {"refcounts past the end",
     [](Sample& s) { s.file.patch(s.refcount_block + 60000, 0x10001, 4); }},
    {"no refcount block", [](Sample& s) { s.file.patch(s.refcount_table, 0, 8); }},
    {"refcount block past the end",
     [](Sample& s) { s.file.patch(s.refcount_table, std::uint64_t{1} << 40, 8); }},
    {"refcount block used twice",
     [](Sample& s) { s.file.patch(s.refcount_table + 8, s.refcount_block, 8); }},
    {"reserved bit in the refcount table",
     [](Sample& s) { s.file.patch(s.refcount_table, s.refcount_block + 1, 8); }},
    {"a lost cluster", [](Sample& s) { s.file.patch(s.entry() + 8, 0, 8); }},
    {"bitmaps invalidated", [](Sample& s) { s.file.patch(88, 0, 8); }},
};

// To qemu-img the header is a table then, with some dozens of errors in it.
TEST_CASE("a flag on an L1 entry without a table is a corruption") {
  Sample sample("cluster_size=64k");
  sample.file.patch(sample.l1, copied, 8);
  REQUIRE(qemus(sample.file)["corruptions"] > 0);
  REQUIRE(sample.file.check().corruptions == 1);
}

TEST_CASE("damage is found and counted as qemu-img counts it") {
  Sample sample("cluster_size=64k");
  for (const Damage& damage : damages) {
    sample.restore();
    damage.inflict(sample);
    CAPTURE(damage.name, sample.file.qemu_check().output);
    const json expected = qemus(sample.file);
    CHECK(ours(sample.file) == expected);
    const bool harmless = std::string(damage.name) == "refcounts past the end";
    CHECK((expected["corruptions"] == 0 && expected["leaks"] == 0) == harmless);
  }
}

TEST_CASE("findings are worded as qemu-img words them") {
  Sample sample("cluster_size=64k");
  sample.file.patch(sample.entry() + 8, copied + (std::uint64_t{1} << 40), 8);
  sample.file.patch(sample.refcount_block, 0x00030000, 4);
  const std::string said = sample.file.qemu_check().output;
  const CheckReport report = sample.file.check();
  REQUIRE(report.findings.size() == report.corruptions + report.leaks);
  for (const std::string& finding : report.findings) {
    CHECK_THAT(said, Catch::Matchers::ContainsSubstring(finding + "\n"));
  }
}

TEST_CASE("garbage never stops the check, and is judged as qemu-img judges it") {
  TestRuntime seeded(7);
  int judged = 0;
  Sample sample("cluster_size=512,refcount_bits=16");
  for (int round = 0; round < 60; ++round) {
    sample.restore();
    const std::vector<std::uint64_t> tables{sample.l1, sample.l2, sample.refcount_table,
                                            sample.refcount_block, 0};
    const std::uint64_t table = tables[seeded.choose(tables.size())];
    const std::uint64_t at = table + seeded.choose(table == 0 ? 112 : 512);
    sample.file.patch(at, seeded.choose(256), 1);
    const Outcome qemu = sample.file.qemu_check();
    CAPTURE(round, at, table, qemu.output.substr(0, 2000));
    try {
      const CheckReport report = sample.file.check();
      if (qemu.status == 0) CHECK(report.clean());
      if (qemu.status == 2) CHECK(report.corruptions != 0);
      if (qemu.status == 3) CHECK((report.corruptions == 0 && report.leaks != 0));
      if (qemu.status != 1) ++judged;
    } catch (const Refusal& refusal) {
      CAPTURE(refusal.what());
      CHECK(qemu.status == 1);
    }
  }
  CHECK(judged > 20);
}

TEST_CASE("heavily broken images are survived") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CreateOptions options;
    options.size = {1 << 20};
    options.cluster_size = {512};
    Disk disk(options);
    disk.write(0, pattern(4000, 1));
    disk.close();
    TestRuntime seeded(seed);
    Bytes& bytes = disk.file().bytes;
    for (std::uint64_t i = 1 + seeded.choose(50); i > 0; --i) {
      bytes[32 + seeded.choose(bytes.size() - 32)] = static_cast<std::byte>(seeded.choose(256));
    }
    bytes.resize(seeded.choose(bytes.size()));
    try {
      disk.run(check(disk.file()));
    } catch (const Refusal&) {
      continue;
    }
  }
}

}  // namespace
}  // namespace tests
