// SPDX-License-Identifier: MIT
#include "engine/bitmap/sparse_words.h"

#include <utility>

namespace engine::bitmap {
namespace {

std::uint64_t* copy_of(std::span<const std::uint64_t> words) {
  auto* const copy = new std::uint64_t[words.size()];
  std::ranges::copy(words, copy);
  return copy;
}

}  // namespace

constinit const SparseWords::Chunk SparseWords::zero_chunk{};
constinit const SparseWords::Chunk SparseWords::one_chunk = [] {
  Chunk chunk;
  chunk.fill(all_ones);
  return chunk;
}();

SparseWords::SparseWords(const SparseWords& other) : SparseWords(other.size_) {
  for (std::uint64_t i = 0; i < chunks_.size(); ++i) {
    chunks_[i] = shared(other.chunks_[i]) ? other.chunks_[i] : copy_of(other.chunk(i));
  }
}

SparseWords& SparseWords::operator=(SparseWords other) noexcept {
  std::swap(size_, other.size_);
  std::swap(chunks_, other.chunks_);
  return *this;
}

std::uint64_t* SparseWords::make_own(std::uint64_t number) {
  return chunks_[number] = copy_of(chunk(number));
}

void SparseWords::release() {
  for (std::uint64_t* chunk : chunks_) {
    if (!shared(chunk)) delete[] chunk;
  }
}

void SparseWords::fill_chunk(std::uint64_t number, std::uint64_t word) {
  std::uint64_t* const filled = word == 0 ? zeros() : ones();
  std::uint64_t* const before = std::exchange(chunks_[number], filled);
  if (!shared(before)) delete[] before;
}

std::uint64_t SparseWords::find_other(std::uint64_t word, std::uint64_t first,
                                      std::uint64_t end) const {
  while (first < end) {
    const std::uint64_t* const words = chunks_[first / chunk_words];
    const std::uint64_t stop = std::min(end, (first / chunk_words + 1) * chunk_words);
    if (shared(words) && words[0] == word) {
      first = stop;
      continue;
    }
    for (; first < stop; ++first) {
      if (words[first % chunk_words] != word) return first;
    }
  }
  return end;
}

void SparseWords::resize(std::uint64_t size) {
  if (size == size_) return;
  const std::uint64_t kept = std::min(size, size_);
  // What is dropped must be zeros if it is added again, and the last chunk has its own length.
  SparseWords resized(size);
  for (std::uint64_t i = 0; i * chunk_words < kept; ++i) {
    const std::uint64_t first = i * chunk_words;
    const bool whole = first + chunk_words <= kept;
    if (whole) {
      std::swap(resized.chunks_[i], chunks_[i]);
    } else if (!is_zeros(i)) {
      std::copy_n(chunks_[i], kept - first, resized.own(i));
    }
  }
  *this = std::move(resized);
}

}  // namespace engine::bitmap
