// SPDX-License-Identifier: MIT
#include "engine/bitmap/dirty_bits.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <memory>

namespace engine::bitmap {
namespace {

constexpr std::uint64_t word_bits = 64;
constexpr std::uint64_t chunk_bits = SparseWords::chunk_words * word_bits;
constexpr std::uint64_t chunk_bytes = chunk_bits / 8;
constexpr std::uint64_t all_ones = SparseWords::all_ones;

// The words in memory are the bytes of the bitmap in order: write_bytes and sha256 rest on it.
static_assert(std::endian::native == std::endian::little);

/// Bits from `bit` on, or below `bit`, of a word; `bit` is 0 to 64.
constexpr std::uint64_t bits_from(std::uint64_t bit) {
  return bit == word_bits ? 0 : all_ones << bit;
}
constexpr std::uint64_t bits_below(std::uint64_t bit) { return ~bits_from(bit); }

/// Calls visit(word index, mask) for every word that granules [first, end) touch.
template <class Visit>
void for_each_word(std::uint64_t first, std::uint64_t end, Visit visit) {
  while (first < end) {
    const std::uint64_t index = first / word_bits;
    const std::uint64_t stop = std::min(end - index * word_bits, word_bits);
    visit(index, bits_from(first % word_bits) & bits_below(stop));
    first = (index + 1) * word_bits;
  }
}

/// Calls visit(chunk, first, end) for every chunk that units [first, end) touch, with its part of
/// them; a chunk has so many units.
template <class Visit>
void for_each_chunk(std::uint64_t first, std::uint64_t end, std::uint64_t units, Visit visit) {
  while (first < end) {
    const std::uint64_t chunk = first / units;
    const std::uint64_t stop = std::min(end, (chunk + 1) * units);
    visit(chunk, first, stop);
    first = stop;
  }
}

/// The first granule in [first, end) whose bit, xored with `flip`, is set; `end` if there is none.
std::uint64_t find_granule(const SparseWords& words, std::uint64_t flip, std::uint64_t first,
                           std::uint64_t end) {
  if (first >= end) return end;
  std::uint64_t index = first / word_bits;
  std::uint64_t word = (words[index] ^ flip) & bits_from(first % word_bits);
  if (word == 0) {
    const std::uint64_t past_last = (end - 1) / word_bits + 1;
    index = words.find_other(flip, index + 1, past_last);
    if (index >= past_last) return end;
    word = words[index] ^ flip;
  }
  return std::min(end, index * word_bits + static_cast<std::uint64_t>(std::countr_zero(word)));
}

std::uint64_t count_bits(std::span<const std::uint64_t> words) {
  std::uint64_t count = 0;
  for (const std::uint64_t word : words) count += static_cast<std::uint64_t>(std::popcount(word));
  return count;
}

std::uint64_t count_bits(const SparseWords& words, std::uint64_t chunk) {
  if (words.is_zeros(chunk)) return 0;
  return words.is_ones(chunk) ? chunk_bits : count_bits(words.chunk(chunk));
}

}  // namespace

Granularity::Granularity(std::uint64_t bytes)
    : bits_(static_cast<unsigned>(std::countr_zero(bytes))) {
  INVARIANT(valid(bytes) && bytes <= max_bytes);
}

DirtyBits::DirtyBits(ByteCount disk_size, Granularity granularity)
    : disk_size_(disk_size),
      granularity_(granularity),
      granules_(units_for(disk_size.value, granularity.bytes())),
      words_(units_for(granules_, word_bits)) {}

void DirtyBits::fill_granules(GranuleIndex first, GranuleIndex end, std::uint64_t filling) {
  // As nearly always.
  const bool part_of_one = first.value % chunk_bits + (end.value - first.value) < chunk_bits;
  if (part_of_one) return fill_part(first.value, end.value, filling);
  for_each_chunk(first.value, end.value, chunk_bits,
                 [this, filling](std::uint64_t chunk, std::uint64_t from, std::uint64_t to) {
                   if (to - from != chunk_bits) return fill_part(from, to, filling);
                   count_ -= count_bits(words_, chunk);
                   count_ += filling & chunk_bits;
                   words_.fill_chunk(chunk, filling);
                 });
}

void DirtyBits::fill_part(std::uint64_t first, std::uint64_t end, std::uint64_t filling) {
  std::uint64_t change = 0;
  for_each_word(first, end, [this, filling, &change](std::uint64_t index, std::uint64_t mask) {
    const std::uint64_t word = words_[index];
    const std::uint64_t changed = (word ^ filling) & mask;
    if (changed == 0) return;
    change += static_cast<std::uint64_t>(std::popcount(changed));
    words_.put(index, word ^ changed);
  });
  count_ += filling != 0 ? change : -change;
}

void DirtyBits::reset(GuestOffset offset, ByteCount length) {
  require_within_disk(offset, length);
  if (length.value == 0) return;
  const GuestOffset end = offset + length;
  const bool to_the_end = end.value == disk_size_.value;
  fill_granules(granule_up(offset), to_the_end ? GranuleIndex{granules_} : granule_down(end), 0);
}

void DirtyBits::clear() {
  for (std::uint64_t i = 0; i < words_.chunks(); ++i) words_.fill_chunk(i, 0);
  count_ = 0;
}

void DirtyBits::clear_past_the_end() {
  const std::uint64_t last_bits = granules_ % word_bits;
  const std::uint64_t last = words_.size() - 1;
  if (last_bits == 0 || (words_[last] & bits_from(last_bits)) == 0) return;
  words_.put(last, words_[last] & bits_below(last_bits));
}

void DirtyBits::recount() {
  count_ = 0;
  for (std::uint64_t i = 0; i < words_.chunks(); ++i) count_ += count_bits(words_, i);
}

std::optional<GuestOffset> DirtyBits::next_dirty(GuestOffset from, GuestOffset end) const {
  end = std::min(end, GuestOffset{disk_size_.value});
  if (from >= end || count_ == 0) return std::nullopt;
  const std::uint64_t stop = granule_up(end).value;
  const std::uint64_t found = find_granule(words_, 0, granule_down(from).value, stop);
  if (found == stop) return std::nullopt;
  return std::max(from, start_of({found}));
}

std::optional<GuestOffset> DirtyBits::next_clean(GuestOffset from, GuestOffset end) const {
  end = std::min(end, GuestOffset{disk_size_.value});
  if (from >= end) return std::nullopt;
  const std::uint64_t stop = granule_up(end).value;
  const std::uint64_t found = find_granule(words_, all_ones, granule_down(from).value, stop);
  if (found == stop) return std::nullopt;
  return std::max(from, start_of({found}));
}

std::optional<Range> DirtyBits::next_dirty_range(GuestOffset from, GuestOffset end,
                                                 ByteCount max_length) const {
  if (max_length.value == 0) return std::nullopt;
  const std::optional<GuestOffset> start = next_dirty(from, end);
  if (!start) return std::nullopt;
  end = std::min(end, GuestOffset{disk_size_.value});
  if ((end - *start) > max_length) end = *start + max_length;
  const GuestOffset stop = next_clean(*start, end).value_or(end);
  return Range{*start, stop - *start};
}

std::vector<Range> DirtyBits::dirty_ranges() const {
  std::vector<Range> ranges;
  const GuestOffset end{disk_size_.value};
  std::optional<Range> range = next_dirty_range({0}, end, disk_size_);
  while (range) {
    ranges.push_back(*range);
    range = next_dirty_range(range->end(), end, disk_size_);
  }
  return ranges;
}

void DirtyBits::merge(const DirtyBits& source) {
  INVARIANT(disk_size_ == source.disk_size_);
  if (granularity_ == source.granularity_) {
    for (std::uint64_t i = 0; i < words_.chunks(); ++i) {
      if (source.words_.is_ones(i)) words_.fill_chunk(i, all_ones);
      if (source.words_.is_zeros(i) || words_.is_ones(i)) continue;
      const std::span<const std::uint64_t> added = source.words_.chunk(i);
      const std::span<std::uint64_t> words = words_.writable_chunk(i);
      std::ranges::transform(words, added, words.begin(), std::bit_or<>());
    }
    return recount();
  }
  const GuestOffset end{disk_size_.value};
  GuestOffset from{0};
  while (std::optional<Range> range = source.next_dirty_range(from, end, disk_size_)) {
    set(range->start, range->length);
    // The rest of the granule is marked with it: no need to look there.
    from = start_of(granule_up(range->end()));
  }
}

void DirtyBits::resize(ByteCount disk_size) {
  disk_size_ = disk_size;
  granules_ = units_for(disk_size.value, granularity_.bytes());
  words_.resize(units_for(granules_, word_bits));
  clear_past_the_end();
  recount();
}

void DirtyBits::write_bytes(std::uint64_t first, std::span<std::byte> bytes) const {
  const auto write = [&](std::uint64_t chunk, std::uint64_t from, std::uint64_t to) {
    const std::span<const std::byte> words = std::as_bytes(words_.chunk(chunk));
    std::ranges::copy(words.subspan(from % chunk_bytes, to - from), &bytes[from - first]);
  };
  const std::uint64_t stored = words_.size() * sizeof(std::uint64_t);
  const std::uint64_t end = std::clamp(stored, first, first + bytes.size());
  for_each_chunk(first, end, chunk_bytes, write);
  std::ranges::fill(bytes.subspan(end - first), std::byte{0});
}

void DirtyBits::read_bytes(std::uint64_t first, std::span<const std::byte> bytes) {
  const std::uint64_t end = std::min(byte_count(), first + bytes.size());
  const auto read = [&](std::uint64_t chunk, std::uint64_t from, std::uint64_t to) {
    const std::span<const std::byte> read_part = bytes.subspan(from - first, to - from);
    const auto same_part =
        std::as_bytes(words_.chunk(chunk)).subspan(from % chunk_bytes, to - from);
    if (std::ranges::equal(read_part, same_part)) return;
    count_ -= count_bits(words_, chunk);
    const std::span<std::uint64_t> words = words_.writable_chunk(chunk);
    std::ranges::copy(read_part, std::as_writable_bytes(words).subspan(from % chunk_bytes).begin());
    if (chunk + 1 == words_.chunks()) clear_past_the_end();
    const std::uint64_t count = count_bits(words);
    count_ += count;
    if (count == chunk_bits) words_.fill_chunk(chunk, all_ones);
  };
  for_each_chunk(first, end, chunk_bytes, read);
}

bool DirtyBits::bytes_are_zero(std::uint64_t first, std::uint64_t size) const {
  const std::uint64_t stop = std::min(granules_, (first + size) * 8);
  return find_granule(words_, 0, first * 8, stop) == stop;
}

std::string DirtyBits::sha256() const {
  // QEMU has one word of zeros for a disk of no size.
  static constexpr std::array<std::uint64_t, 1> no_bits{};
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(),
                                                                     EVP_MD_CTX_free);
  INVARIANT(EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) == 1);
  const auto add = [&](std::span<const std::uint64_t> words) {
    INVARIANT(EVP_DigestUpdate(hash.get(), words.data(), words.size_bytes()) == 1);
  };
  if (words_.size() == 0) add(no_bits);
  for (std::uint64_t i = 0; i < words_.chunks(); ++i) add(words_.chunk(i));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned digest_size = 0;
  INVARIANT(EVP_DigestFinal_ex(hash.get(), digest.data(), &digest_size) == 1);
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < digest_size; ++i) {
    text += digits[digest[i] >> 4];
    text += digits[digest[i] & 15];
  }
  return text;
}

}  // namespace engine::bitmap
