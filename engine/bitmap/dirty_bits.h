// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/bitmap/granularity.h"
#include "engine/bitmap/sparse_words.h"
#include "engine/check.h"
#include "engine/io/units.h"

namespace engine::bitmap {

/// The bits of a dirty bitmap over a disk of a given size: which granules have changed. No name, no
/// state: those belong to block::NodeBitmap. The last granule may reach past the end of the disk
/// and counts in full (rule S28). Bits past the last granule are always zero. Takes memory where
/// clean and dirty granules are mixed: long runs of either cost next to nothing.
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

  /// Whether the granule that holds `offset`, which lies within the disk, is dirty.
  bool test(GuestOffset offset) const {
    INVARIANT(offset.value < disk_size_.value);
    const GranuleIndex granule = granule_down(offset);
    return (words_[granule.value / 64] & bit_of(granule)) != 0;
  }
  /// Marks every granule that [offset, offset+length) touches (rule S23: rounded outward).
  /// A zero length marks nothing. Requires the range to lie within the disk. Part of every guest
  /// write, most of which touch one granule that is dirty already.
  void set(GuestOffset offset, ByteCount length) {
    require_within_disk(offset, length);
    if (length.value == 0) return;
    const GranuleIndex first = granule_down(offset);
    const GranuleIndex last = granule_down({offset.value + length.value - 1});
    if (first != last) return fill_granules(first, {last.value + 1}, SparseWords::all_ones);
    const std::uint64_t word = words_[first.value / 64];
    if ((word & bit_of(first)) != 0) return;
    words_.put(first.value / 64, word | bit_of(first));
    ++count_;
  }
  /// Unmarks every granule that lies wholly in the range; the disk's end counts as a granule's end.
  /// A granule that the range covers in part keeps its bit: it may hold other changes. Requires the
  /// range to lie within the disk.
  void reset(GuestOffset offset, ByteCount length);
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

 private:
  GranuleIndex granule_down(GuestOffset offset) const {
    return {offset.value >> granularity_.bits()};
  }
  GranuleIndex granule_up(GuestOffset offset) const {
    return {units_for(offset.value, granularity_.bytes())};
  }
  GuestOffset start_of(GranuleIndex granule) const {
    return {granule.value << granularity_.bits()};
  }
  static std::uint64_t bit_of(GranuleIndex granule) {
    return std::uint64_t{1} << (granule.value % 64);
  }
  void require_within_disk(GuestOffset offset, ByteCount length) const {
    INVARIANT(offset.value <= disk_size_.value);
    INVARIANT(length.value <= disk_size_.value - offset.value);
  }
  /// Clears (filling 0) or sets (all ones) granules.
  void fill_granules(GranuleIndex first, GranuleIndex end, std::uint64_t filling);
  void fill_part(std::uint64_t first, std::uint64_t end, std::uint64_t filling);
  void clear_past_the_end();
  void recount();

  ByteCount disk_size_;
  Granularity granularity_;
  std::uint64_t granules_;
  std::uint64_t count_ = 0;
  SparseWords words_;
};

}  // namespace engine::bitmap
