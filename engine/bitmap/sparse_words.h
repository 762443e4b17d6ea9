// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace engine::bitmap {

/// An array of 64-bit words in which long runs of zeros or of ones take no memory: it is cut into
/// chunks, and all chunks of nothing but zeros (ones) that nobody has written to are the same one.
class SparseWords {
 public:
  static constexpr std::uint64_t chunk_words = 512;
  static constexpr std::uint64_t all_ones = ~std::uint64_t{0};

  /// So many words of zeros.
  explicit SparseWords(std::uint64_t size) : size_(size), chunks_(chunks_for(size), zeros()) {}
  SparseWords(const SparseWords& other);
  SparseWords(SparseWords&& other) noexcept
      : size_(other.size_), chunks_(std::move(other.chunks_)) {
    other.size_ = 0;
  }
  SparseWords& operator=(SparseWords other) noexcept;
  ~SparseWords() { release(); }

  std::uint64_t size() const { return size_; }
  std::uint64_t operator[](std::uint64_t index) const {
    return chunks_[index / chunk_words][index % chunk_words];
  }
  /// From now on the word's chunk takes memory.
  void put(std::uint64_t index, std::uint64_t word) {
    std::uint64_t* const chunk = own(index / chunk_words);
    chunk[index % chunk_words] = word;
  }

  std::uint64_t chunks() const { return chunks_.size(); }
  /// The words of a chunk: chunk_words of them, fewer in the last one.
  std::span<const std::uint64_t> chunk(std::uint64_t number) const {
    return {chunks_[number], words_in(number)};
  }
  /// The words of a chunk, to be changed: from now on it takes memory.
  std::span<std::uint64_t> writable_chunk(std::uint64_t number) {
    return {own(number), words_in(number)};
  }
  /// Fills a chunk with a word, 0 or all_ones, and takes its memory back.
  void fill_chunk(std::uint64_t number, std::uint64_t word);
  bool is_zeros(std::uint64_t number) const { return chunks_[number] == zeros(); }
  bool is_ones(std::uint64_t number) const { return chunks_[number] == ones(); }

  /// The first index in [first, end) of a word that is not `word`; `end` if there is none.
  std::uint64_t find_other(std::uint64_t word, std::uint64_t first, std::uint64_t end) const;

  /// Drops words at the end, or adds words of zeros there.
  void resize(std::uint64_t size);

 private:
  using Chunk = std::array<std::uint64_t, chunk_words>;
  static const Chunk zero_chunk;
  static const Chunk one_chunk;

  // Nobody writes to these two: own() comes first.
  static std::uint64_t* zeros() { return const_cast<std::uint64_t*>(zero_chunk.data()); }
  static std::uint64_t* ones() { return const_cast<std::uint64_t*>(one_chunk.data()); }
  static bool shared(const std::uint64_t* chunk) { return chunk == zeros() || chunk == ones(); }
  static std::uint64_t chunks_for(std::uint64_t size) {
    return (size + chunk_words - 1) / chunk_words;
  }
  std::uint64_t words_in(std::uint64_t number) const {
    return std::min(chunk_words, size_ - number * chunk_words);
  }
  std::uint64_t* own(std::uint64_t number) {
    return shared(chunks_[number]) ? make_own(number) : chunks_[number];
  }
  std::uint64_t* make_own(std::uint64_t number);
  void release();

  std::uint64_t size_;
  std::vector<std::uint64_t*> chunks_;
};

}  // namespace engine::bitmap
