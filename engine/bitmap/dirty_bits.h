// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/io/units.h"

namespace engine::bitmap {

/// How many bytes of the disk one bit stands for: a power of two from 512 B to 2 GiB (rule S2, S3).
class Granularity {
 public:
  static constexpr std::uint64_t min_bytes = 512;
  static constexpr std::uint64_t max_bytes = std::uint64_t{1} << 31;
  static constexpr bool valid(std::uint64_t bytes) {
    return is_power_of_two(bytes) && bytes >= min_bytes && bytes <= max_bytes;
  }

  /// Requires valid(bytes).
  explicit Granularity(std::uint64_t bytes);
  static Granularity from_bits(unsigned bits) { return Granularity(std::uint64_t{1} << bits); }

  std::uint64_t bytes() const { return std::uint64_t{1} << bits_; }
  /// log2 of bytes(), as the qcow2 bitmap directory stores it (9 to 31).
  unsigned bits() const { return bits_; }
  friend bool operator==(Granularity, Granularity) = default;

 private:
  unsigned bits_;
};

/// The index of a granule: bit number i of a bitmap stands for bytes [i, i+1) * granularity.
struct GranuleIndex {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(GranuleIndex, GranuleIndex) = default;
};

/// A run of bytes; never empty where one is returned.
struct Range {
  GuestOffset start;
  ByteCount length;
  GuestOffset end() const { return start + length; }
  friend bool operator==(const Range&, const Range&) = default;
};

/// The bits of a dirty bitmap over a disk of a given size: which granules have changed. No name, no
/// state: those belong to block::NodeBitmap. The last granule may reach past the end of the disk
/// and counts in full (rule S28). Bits past the last granule are always zero.
class DirtyBits {
 public:
  DirtyBits(ByteCount disk_size, Granularity granularity);

  ByteCount disk_size() const { return disk_size_; }
  Granularity granularity() const { return granularity_; }
  /// units_for(disk_size, granularity).
  std::uint64_t granules() const { return granules_; }
  /// Number of set bits, O(1).
  std::uint64_t count() const { return count_; }
  /// count() * granularity: the `count` of query-block (rule S28). O(1).
  ByteCount dirty_bytes() const { return {count_ << granularity_.bits()}; }

  bool test(GuestOffset offset) const;
  /// Marks every granule that [offset, offset+length) touches (rule S23: rounded outward).
  /// A zero length marks nothing. Requires the range to lie within the disk.
  void set(GuestOffset offset, ByteCount length);
  /// Unmarks every granule that lies wholly in the range; the disk's end counts as a granule's end.
  /// A granule that the range covers in part keeps its bit: it may hold other changes.
  void reset(GuestOffset offset, ByteCount length);
  void set_all();
  void clear();

  /// The first dirty (clean) byte at or after `from`, below `end`; none if there is none. The
  /// answer is `from` itself where `from` lies inside such a granule.
  std::optional<GuestOffset> next_dirty(GuestOffset from, GuestOffset end) const;
  std::optional<GuestOffset> next_clean(GuestOffset from, GuestOffset end) const;
  /// The first maximal dirty run in [from, end), cut off at `end` and after `max_length`.
  std::optional<Range> next_dirty_range(GuestOffset from, GuestOffset end,
                                        ByteCount max_length) const;
  /// All maximal dirty runs, clipped to the disk.
  std::vector<Range> dirty_ranges() const;

  /// Marks whatever is dirty in `source`, at this bitmap's granularity: a superset where the
  /// granularities differ (rule S20). Requires equal disk sizes. Merging with itself changes
  /// nothing (rule S21).
  void merge(const DirtyBits& source);

  /// Follows the disk to a new size: granules wholly beyond the new end are dropped, the granule
  /// that holds the new last byte keeps its bit, new granules are clean (rule S61).
  void resize(ByteCount disk_size);

  /// The bits as qcow2 stores them: bit i of the disk's granules is bit i%8 of byte i/8. A part
  /// covers whole bytes [first, first+size) of that sequence; bytes past the last granule's are
  /// zero when written and ignored when read.
  void write_bytes(std::uint64_t first, std::span<std::byte> bytes) const;
  void read_bytes(std::uint64_t first, std::span<const std::byte> bytes);
  /// Whether all bits of bytes [first, first+size) of that sequence are clear.
  bool bytes_are_zero(std::uint64_t first, std::uint64_t size) const;
  /// How many bytes the sequence has: units_for(granules, 8).
  std::uint64_t byte_count() const { return (granules_ + 7) / 8; }

  /// Lower-case hex of the SHA-256 over the little-endian 64-bit words of the bits, zero padded to
  /// whole words: the answer of x-debug-block-dirty-bitmap-sha256 (rule S35).
  std::string sha256() const;

  friend bool operator==(const DirtyBits&, const DirtyBits&) = default;

 private:
  GranuleIndex granule_down(GuestOffset offset) const {
    return {offset.value >> granularity_.bits()};
  }
  GranuleIndex granule_up(GuestOffset offset) const {
    return {units_for(offset.value, granularity_.bytes())};
  }

  ByteCount disk_size_;
  Granularity granularity_;
  std::uint64_t granules_;
  std::uint64_t count_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace engine::bitmap
