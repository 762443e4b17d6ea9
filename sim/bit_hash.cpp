// SPDX-License-Identifier: MIT
#include "sim/bit_hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <span>
#include <stdexcept>

namespace sim {

namespace {

constexpr std::uint64_t most_granules = std::uint64_t{1} << 37;

/// SHA-256 of bytes that come in parts.
class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    require(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void add(const void* bytes, std::size_t size) {
    require(EVP_DigestUpdate(context_.get(), bytes, size) == 1);
  }
  std::string hex() {
    std::array<unsigned char, 32> digest;
    require(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : digest) {
      text += digits[byte >> 4];
      text += digits[byte & 15];
    }
    return text;
  }

 private:
  static void require(bool done) {
    if (!done) throw std::runtime_error("SHA-256 is not to be had");
  }

  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

/// The granules that runs of bytes touch, as sorted runs [start, end) that lie apart.
std::vector<ByteRun> granules_of(const std::vector<ByteRun>& dirty, std::uint64_t granularity) {
  std::vector<ByteRun> granules;
  for (const ByteRun& run : dirty) {
    const std::uint64_t first = run.start / granularity;
    const std::uint64_t end = (run.end - 1) / granularity + 1;
    if (!granules.empty() && first <= granules.back().end) {
      granules.back().end = std::max(granules.back().end, end);
    } else {
      granules.push_back({first, end});
    }
  }
  return granules;
}

/// Fills a buffer with the bytes of the bit sequence from byte `first` on; `next` is the first run
/// that may reach there.
void fill(std::span<unsigned char> buffer, std::uint64_t first, const std::vector<ByteRun>& runs,
          std::size_t& next) {
  std::fill(buffer.begin(), buffer.end(), 0);
  const std::uint64_t begin = first * 8, end = begin + buffer.size() * 8;
  while (next < runs.size() && runs[next].end <= begin) ++next;
  for (std::size_t i = next; i < runs.size() && runs[i].start < end; ++i) {
    const std::uint64_t stop = std::min(runs[i].end, end) - begin;
    for (std::uint64_t bit = std::max(runs[i].start, begin) - begin; bit < stop;) {
      if (bit % 8 == 0 && bit + 8 <= stop) {
        buffer[bit / 8] = 0xff;
        bit += 8;
      } else {
        buffer[bit / 8] = static_cast<unsigned char>(buffer[bit / 8] | 1u << bit % 8);
        ++bit;
      }
    }
  }
}

}  // namespace

std::optional<HashedBits> hash_of_bits(const std::vector<ByteRun>& dirty, std::uint64_t size,
                                       std::uint64_t granularity) {
  if (!std::has_single_bit(granularity)) return std::nullopt;
  const std::uint64_t granules = size / granularity + (size % granularity != 0);
  if (granules > most_granules) return std::nullopt;
  if (!dirty.empty() && dirty.back().end > size) return std::nullopt;
  const std::vector<ByteRun> runs = granules_of(dirty, granularity);
  HashedBits result;
  for (const ByteRun& run : runs) result.bytes += run.length() * granularity;
  Sha256 hash;
  std::array<unsigned char, 65536> buffer;
  const std::uint64_t total = std::max<std::uint64_t>(8, (granules + 63) / 64 * 8);
  std::size_t next = 0;
  for (std::uint64_t at = 0; at < total;) {
    const std::size_t part = std::min<std::uint64_t>(buffer.size(), total - at);
    fill(std::span(buffer).first(part), at, runs, next);
    hash.add(buffer.data(), part);
    at += part;
  }
  result.sha256 = hash.hex();
  return result;
}

}  // namespace sim
