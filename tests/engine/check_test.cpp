// SPDX-License-Identifier: MIT
#include "engine/qcow2/check.h"

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "tests/catch.h"
#include "tests/engine/qcow2_world.h"
#include "tests/engine/store_world.h"
#include "tests/text.h"

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
          {"check-errors", report.check_errors},
          {"image-end-offset", report.image_end_offset.value},
          {"total-clusters", report.total_clusters},
          {"allocated-clusters", report.allocated_clusters},
          {"fragmented-clusters", report.fragmented_clusters},
          {"compressed-clusters", report.compressed_clusters}};
}

/// The same of qemu-img; null if it could not check the image.
json qemus(ImageFile& file) {
  const Outcome outcome = run({"qemu-img", "check", "-f", "qcow2", "--output=json", file.path()});
  const std::size_t start = ("\n" + outcome.output).find("\n{\n");
  if (start == std::string::npos) return nullptr;
  const std::size_t end = outcome.output.find("\n}\n", start);
  const json said = json::parse(outcome.output.substr(start, end + 3 - start));
  json report;
  for (const char* key :
       {"corruptions", "leaks", "check-errors", "image-end-offset", "total-clusters",
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
    // To qemu-img the header is a table then, with some dozens of errors in it.
    {"COPIED on an L1 entry without a table", [](Sample& s) { s.file.patch(s.l1, copied, 8); }},
    {"unaligned L2 table", [](Sample& s) { s.file.patch(s.l1, s.file.peek(s.l1, 8) + 512, 8); }},
    {"an L2 table of disk and snapshot, with a reserved bit",
     [](Sample& s) {
       s.file.patch(s.file.peek(s.file.peek(64, 8), 8), s.file.peek(s.l1, 8), 8);
       s.file.patch(s.entry() + 8, s.file.peek(s.entry() + 8, 8) + 2, 8);
     }},
    {"no refcount table", [](Sample& s) { s.file.patch(56, 0, 4); }},
    {"refcount block not at a cluster",
     [](Sample& s) { s.file.patch(s.refcount_table, s.refcount_block + 512, 8); }},
    {"refcount block where no file reaches",
     [](Sample& s) { s.file.patch(s.refcount_table, std::uint64_t{1} << 63, 8); }},
    {"incomplete snapshot", [](Sample& s) { s.file.patch(s.file.peek(64, 8) + 36, 8, 4); }},
    {"L1 table of a snapshot not at a cluster",
     [](Sample& s) { s.file.patch(s.file.peek(64, 8) + 6, 0x200, 2); }},
    {"L1 table of a snapshot too large",
     [](Sample& s) { s.file.patch(s.file.peek(64, 8) + 8, (4 << 20) + 1, 4); }},
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

TEST_CASE("references that a narrow refcount cannot count are corruptions") {
  ImageFile file("1M", "cluster_size=512,refcount_bits=1");
  file.qemu_io("write 0 2k");
  const std::uint64_t l2 = file.peek(file.peek(40, 8), 8) & 0x00fffffffffffe00;
  for (std::uint64_t entry : {1, 2}) file.patch(l2 + entry * 8, file.peek(l2, 8), 8);
  REQUIRE(ours(file) == qemus(file));
  REQUIRE(file.check().corruptions == 2);
}

/// Damages the sample at random where its metadata lies.
void damage_at_random(Sample& sample, TestRuntime& seeded) {
  struct Part {
    std::uint64_t at;
    std::uint64_t size;
  };
  ImageFile& file = sample.file;
  const std::vector<Part> parts{{4, 108},
                                {112, 400},
                                {sample.l1, 64},
                                {sample.l2, 160},
                                {sample.refcount_table, 16},
                                {sample.refcount_block, 64},
                                {file.peek(64, 8), 128}};
  const std::uint64_t end = std::filesystem::file_size(file.path());
  const std::vector<std::uint64_t> numbers{0,   1,         512,        sample.l1,  sample.l2 + 512,
                                           end, end - 512, 1ULL << 40, 1ULL << 63, ~511ULL};
  for (std::uint64_t i = 1 + seeded.choose(3); i > 0; --i) {
    const Part& part = parts[seeded.choose(parts.size())];
    const std::uint64_t at = part.at + seeded.choose(part.size);
    const std::uint64_t entry = part.at + seeded.choose(part.size) / 8 * 8;
    switch (seeded.choose(3)) {
      case 0:
        file.patch(at, seeded.choose(256), 1);
        break;
      case 1:
        file.patch(entry, file.peek(entry, 8) ^ (1ULL << seeded.choose(64)), 8);
        break;
      default:
        file.patch(entry, numbers[seeded.choose(numbers.size())] | seeded.choose(2) << 63, 8);
    }
  }
}

TEST_CASE("whatever is in an image, it is opened, refused and checked as QEMU does", "[slow]") {
  TestRuntime seeded(7);
  int checked = 0;
  int opened = 0;
  Sample sample("cluster_size=512,refcount_bits=16", "512");
  for (int round = 0; round < 60; ++round) {
    sample.restore();
    damage_at_random(sample, seeded);
    const std::string ours_refused = sample.file.refusal();
    if (has(ours_refused, "not supported")) continue;
    CAPTURE(round, ours_refused, sample.file.qemu_check().output.substr(0, 2000));
    const std::string qemus_refused = sample.file.qemu_refusal();
    CHECK(ours_refused == qemus_refused.substr(0, qemus_refused.find('\n')));
    json report = nullptr;
    try {
      report = ours(sample.file);
    } catch (const Refusal&) {
    }
    CHECK(report == qemus(sample.file));
    opened += ours_refused.empty();
    checked += !report.is_null();
  }
  CHECK(opened > 20);
  CHECK(checked >= opened);
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
