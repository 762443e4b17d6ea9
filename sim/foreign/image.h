// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// Images that something else made, written byte by byte from the specification of qcow2. Shares
/// nothing with the engine, which reads them.
namespace sim::foreign {

/// Bytes [start, end) of the disk.
struct Range {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
};

/// How a cluster holds what the guest reads there.
enum class Kind { data, compressed, zeros, mapped_zeros };

/// All clusters that the range touches are written anew, each byte of them `byte`.
struct Write {
  Kind kind = Kind::data;
  Range range;
  std::uint8_t byte = 0;
};

/// A snapshot inside the image, of what was written before.
struct Snapshot {
  std::string name;
  unsigned extra = 24;  ///< bytes of extra data: 0, or 16 and more
};

/// A bitmap in the directory.
struct Bitmap {
  std::string name;
  unsigned granularity_bits = 16;
  bool automatic = false;
  bool in_use = false;
  std::vector<Range> dirty = {};
};

/// A header extension of a type that nobody knows.
struct Extension {
  std::uint32_t type = 0;
  std::uint32_t length = 0;
};

/// The name that the image gives an incompatible feature, for who does not know it.
struct FeatureName {
  unsigned bit = 0;
  std::string name;
};

/// A number of 8 bytes that is another one than a sound image has there.
struct TablePatch {
  std::string table;  ///< where it counts from: a table's name (sim/foreign/patches.cpp)
  std::uint64_t offset = 0;
  bool turns = false;  ///< whether the bits of `value` are turned, or it is put there
  std::uint64_t value = 0;
};

/// An image, as the step `foreign` describes it (scenarios/README.md).
struct Image {
  std::uint64_t size = 0;  ///< of the disk, in bytes: a multiple of 512
  unsigned version = 3;
  unsigned cluster_bits = 16;
  unsigned refcount_order = 4;
  bool zstd = false;
  std::string backing_file = {};
  std::string backing_format = {};
  std::vector<std::variant<Write, Snapshot>> history = {};  ///< the oldest first
  std::vector<Bitmap> bitmaps = {};
  std::vector<Extension> extensions = {};
  std::vector<FeatureName> feature_names = {};  ///< in the order of their table
  unsigned fields = 0;             ///< bytes of fields that a longer header has, which nobody knows
  std::uint64_t incompatible = 0;  ///< feature bits besides those that the above needs
  std::uint64_t compatible = 0;
  std::uint64_t autoclear = 0;
  unsigned lost = 0;    ///< clusters of data whose refcount is 0
  unsigned leaked = 0;  ///< clusters with a refcount that nothing refers to
  std::vector<TablePatch> patches = {};
  std::vector<Range> broken = {};  ///< what the guest cannot touch because of them
  unsigned found_corruptions = 0;  ///< that a check finds because of them
  unsigned found_leaks = 0;
  unsigned spare_l1 = 0;  ///< entries of the L1 table beyond those that the disk needs

  std::uint64_t cluster_size() const { return std::uint64_t{1} << cluster_bits; }
};

inline constexpr std::uint64_t dirty_bit = 1;
inline constexpr std::uint64_t corrupt_bit = 2;
inline constexpr std::uint64_t compression_bit = 8;

/// What is answered where a file of that name is there already.
constexpr const char* there_already = "there is such a file";

/// What is wrong with a description.
struct Malformed {
  std::string expected;
  std::string found;
};

/// The image that a size and words KEY=VALUE describe, in their order. Throws Malformed.
Image described(const std::string& size,
                const std::vector<std::pair<std::string, std::string>>& words);
/// The keys.
std::vector<std::string> keys();

}  // namespace sim::foreign
