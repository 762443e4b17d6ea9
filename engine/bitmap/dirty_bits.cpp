// SPDX-License-Identifier: MIT
#include "engine/bitmap/dirty_bits.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace engine::bitmap {
namespace {

constexpr std::uint64_t word_bits = 64;
constexpr std::uint64_t all_ones = ~std::uint64_t{0};

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

/// The first granule in [first, end) whose bit, xored with `flip`, is set; `end` if there is none.
std::uint64_t find_granule(const std::vector<std::uint64_t>& words, std::uint64_t flip,
                           std::uint64_t first, std::uint64_t end) {
  if (first >= end) return end;
  std::uint64_t index = first / word_bits;
  const std::uint64_t last = (end - 1) / word_bits;
  std::uint64_t word = (words[index] ^ flip) & bits_from(first % word_bits);
  while (word == 0 && index < last) word = words[++index] ^ flip;
  if (word == 0) return end;
  return std::min(end, index * word_bits + static_cast<std::uint64_t>(std::countr_zero(word)));
}

}  // namespace

Granularity::Granularity(std::uint64_t bytes)
    : bits_(static_cast<unsigned>(std::countr_zero(bytes))) {
  INVARIANT(valid(bytes));
}

DirtyBits::DirtyBits(ByteCount disk_size, Granularity granularity)
    : disk_size_(disk_size),
      granularity_(granularity),
      granules_(units_for(disk_size.value, granularity.bytes())),
      words_(units_for(granules_, word_bits)) {}

void DirtyBits::set_granules(GranuleIndex first, GranuleIndex end) {
  for_each_word(first.value, end.value, [this](std::uint64_t index, std::uint64_t mask) {
    count_ += static_cast<std::uint64_t>(std::popcount(mask & ~words_[index]));
    words_[index] |= mask;
  });
}

void DirtyBits::reset_granules(GranuleIndex first, GranuleIndex end) {
  for_each_word(first.value, end.value, [this](std::uint64_t index, std::uint64_t mask) {
    count_ -= static_cast<std::uint64_t>(std::popcount(mask & words_[index]));
    words_[index] &= ~mask;
  });
}

void DirtyBits::reset(GuestOffset offset, ByteCount length) {
  require_within_disk(offset, length);
  if (length.value == 0) return;
  const GuestOffset end = offset + length;
  const bool to_the_end = end.value == disk_size_.value;
  reset_granules(granule_up(offset), to_the_end ? GranuleIndex{granules_} : granule_down(end));
}

void DirtyBits::set_all() { set_granules({0}, {granules_}); }

void DirtyBits::clear() {
  std::fill(words_.begin(), words_.end(), 0);
  count_ = 0;
}

void DirtyBits::clear_past_the_end() {
  if (granules_ % word_bits != 0) words_.back() &= bits_below(granules_ % word_bits);
}

void DirtyBits::recount() {
  count_ = 0;
  for (std::uint64_t word : words_) count_ += static_cast<std::uint64_t>(std::popcount(word));
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
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= source.words_[i];
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
  const std::uint64_t stored = words_.size() * sizeof(std::uint64_t);
  const std::uint64_t copied = first < stored ? std::min(stored - first, bytes.size()) : 0;
  if (copied != 0) {
    std::memcpy(bytes.data(), reinterpret_cast<const std::byte*>(words_.data()) + first, copied);
  }
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(copied), bytes.end(), std::byte{0});
}

void DirtyBits::read_bytes(std::uint64_t first, std::span<const std::byte> bytes) {
  if (first >= byte_count() || bytes.empty()) return;
  const std::uint64_t copied = std::min<std::uint64_t>(byte_count() - first, bytes.size());
  const std::uint64_t first_bit = first * 8;
  const std::uint64_t end_bit = std::min(granules_, first_bit + copied * 8);
  reset_granules({first_bit}, {end_bit});
  std::memcpy(reinterpret_cast<std::byte*>(words_.data()) + first, bytes.data(), copied);
  clear_past_the_end();
  for_each_word(first_bit, end_bit, [this](std::uint64_t index, std::uint64_t mask) {
    count_ += static_cast<std::uint64_t>(std::popcount(words_[index] & mask));
  });
}

bool DirtyBits::bytes_are_zero(std::uint64_t first, std::uint64_t size) const {
  const std::uint64_t stop = std::min(granules_, (first + size) * 8);
  return find_granule(words_, 0, first * 8, stop) == stop;
}

std::string DirtyBits::sha256() const {
  // QEMU has one word of zeros for a disk of no size.
  static constexpr std::uint64_t no_bits = 0;
  const void* data = words_.empty() ? &no_bits : words_.data();
  const std::size_t size = std::max<std::size_t>(words_.size(), 1) * sizeof(std::uint64_t);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned digest_size = 0;
  const bool hashed =
      EVP_Digest(data, size, digest.data(), &digest_size, EVP_sha256(), nullptr) == 1;
  INVARIANT(hashed);
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < digest_size; ++i) {
    text += digits[digest[i] >> 4];
    text += digits[digest[i] & 15];
  }
  return text;
}

}  // namespace engine::bitmap
