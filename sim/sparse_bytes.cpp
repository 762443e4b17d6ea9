// SPDX-License-Identifier: MIT
#include "sim/sparse_bytes.h"

#include <algorithm>
#include <cstring>

namespace sim {

namespace {

/// Calls use(chunk index, offset in the chunk, offset in the range, length) for each chunk that
/// the range touches.
template <class Use>
void for_each_chunk(std::uint64_t offset, std::uint64_t length, const Use& use) {
  std::uint64_t done = 0;
  while (done < length) {
    const std::uint64_t at = offset + done;
    const std::uint64_t inside = at % SparseBytes::chunk_size;
    const std::uint64_t part = std::min(SparseBytes::chunk_size - inside, length - done);
    use(at / SparseBytes::chunk_size, inside, done, part);
    done += part;
  }
}

bool all_zero(std::span<const std::byte> bytes) {
  return bytes[0] == std::byte{0} && std::memcmp(&bytes[0], &bytes[1], bytes.size() - 1) == 0;
}

}  // namespace

SparseBytes& SparseBytes::operator=(const SparseBytes& other) {
  if (this == &other) return *this;
  size_ = other.size_;
  chunks_.clear();
  for (const auto& [index, chunk] : other.chunks_) {
    chunks_.emplace(index, std::make_unique<Chunk>(*chunk));
  }
  return *this;
}

void SparseBytes::resize(std::uint64_t size) {
  if (size < size_) {
    const std::uint64_t kept = (size + chunk_size - 1) / chunk_size;
    zero_part(size, std::min(kept * chunk_size, size_) - size);
    drop_chunks(kept, (size_ + chunk_size - 1) / chunk_size);
  }
  size_ = size;
}

void SparseBytes::read(std::uint64_t offset, std::span<std::byte> buffer) const {
  const std::uint64_t length =
      offset < size_ ? std::min<std::uint64_t>(buffer.size(), size_ - offset) : 0;
  for_each_chunk(offset, length, [&](auto index, auto inside, auto done, auto part) {
    const auto chunk = chunks_.find(index);
    if (chunk == chunks_.end()) {
      std::memset(buffer.data() + done, 0, part);
    } else {
      std::memcpy(buffer.data() + done, chunk->second->data() + inside, part);
    }
  });
  std::fill(buffer.begin() + static_cast<std::ptrdiff_t>(length), buffer.end(), std::byte{0});
}

std::uint64_t SparseBytes::before_hole(std::uint64_t offset, std::uint64_t length) const {
  std::uint64_t end = offset;
  for (const auto& [index, chunk] : chunks_) {
    const std::uint64_t start = index * chunk_size;
    if (start < offset + length && start + chunk_size > end) end = start + chunk_size;
  }
  return std::min(length, end - offset);
}

void SparseBytes::write(std::uint64_t offset, std::span<const std::byte> data) {
  for_each_chunk(offset, data.size(), [&](auto index, auto inside, auto done, auto part) {
    const auto bytes = data.subspan(done, part);
    auto chunk = chunks_.find(index);
    if (chunk == chunks_.end()) {
      if (all_zero(bytes)) return;
      chunk = chunks_.emplace(index, std::make_unique_for_overwrite<Chunk>()).first;
      if (part < chunk_size) chunk->second->fill(std::byte{0});
    }
    std::memcpy(chunk->second->data() + inside, bytes.data(), part);
  });
  size_ = std::max(size_, offset + data.size());
}

void SparseBytes::write_zeroes(std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t end = offset + length;
  size_ = std::max(size_, end);
  const std::uint64_t first = (offset + chunk_size - 1) / chunk_size;
  const std::uint64_t last = end / chunk_size;
  if (first >= last) return zero_part(offset, length);
  zero_part(offset, first * chunk_size - offset);
  drop_chunks(first, last);
  zero_part(last * chunk_size, end - last * chunk_size);
}

void SparseBytes::zero_part(std::uint64_t offset, std::uint64_t length) {
  for_each_chunk(offset, length, [&](auto index, auto inside, auto, auto part) {
    const auto chunk = chunks_.find(index);
    if (chunk != chunks_.end()) std::memset(chunk->second->data() + inside, 0, part);
  });
}

void SparseBytes::drop_chunks(std::uint64_t first, std::uint64_t last) {
  if (last <= first) return;
  if (last - first > chunks_.size()) {
    std::erase_if(chunks_, [&](const auto& c) { return c.first >= first && c.first < last; });
    return;
  }
  for (std::uint64_t index = first; index < last; ++index) chunks_.erase(index);
}

}  // namespace sim
