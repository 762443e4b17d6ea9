// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>

namespace sim {

/// The bytes of a simulated file. Only what is not zero takes memory, in chunks, so a file of a
/// terabyte costs nothing until it is filled, and a table with few entries costs little.
class SparseBytes {
 public:
  static constexpr std::uint64_t chunk_size = 4096;

  SparseBytes() = default;
  SparseBytes(const SparseBytes& other) { *this = other; }
  SparseBytes& operator=(const SparseBytes& other);
  SparseBytes(SparseBytes&&) = default;
  SparseBytes& operator=(SparseBytes&&) = default;

  std::uint64_t size() const { return size_; }
  /// Cuts or extends with zeros.
  void resize(std::uint64_t size);
  /// Zeros where `buffer` reaches past the end.
  void read(std::uint64_t offset, std::span<std::byte> buffer) const;
  /// The length of a range without the hole at its end: what lies behind its last chunk.
  std::uint64_t before_hole(std::uint64_t offset, std::uint64_t length) const;
  /// Extends as needed.
  void write(std::uint64_t offset, std::span<const std::byte> data);
  void write_zeroes(std::uint64_t offset, std::uint64_t length);

 private:
  using Chunk = std::array<std::byte, chunk_size>;

  void zero_part(std::uint64_t offset, std::uint64_t length);
  /// Drops or zeroes the chunks [first, last).
  void drop_chunks(std::uint64_t first, std::uint64_t last);

  std::uint64_t size_ = 0;
  // Never iterated where the order could show.
  std::unordered_map<std::uint64_t, std::unique_ptr<Chunk>> chunks_;
};

}  // namespace sim
