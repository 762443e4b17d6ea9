// SPDX-License-Identifier: MIT
// The judge's own eyes on hashed bits; the hashes are real QEMU's (scenarios show more of them).
#include "sim/bit_hash.h"

#include "tests/catch.h"

using sim::hash_of_bits;

TEST_CASE("bits are hashed as 64-bit words, at least one") {
  // sha256 of eight zero bytes.
  CHECK(hash_of_bits({}, 0, 65536)->sha256 ==
        "af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc");
  CHECK(hash_of_bits({}, 64 * 512, 512)->sha256 == hash_of_bits({}, 0, 512)->sha256);
  CHECK(hash_of_bits({}, 65 * 512, 512)->sha256 != hash_of_bits({}, 0, 512)->sha256);
  // sha256 of 01 00 00 00 00 00 00 00.
  CHECK(hash_of_bits({{0, 1}}, 1048576, 65536)->sha256 ==
        "7c9fa136d4413fa6173637e883b6998d32e1d675f88cddff9dcbcf331820f4b8");
}

TEST_CASE("each bit counts, wherever the parts of the sequence end") {
  constexpr std::uint64_t size = std::uint64_t{512} * 8 * 65536 * 2;
  const auto hash = [](std::vector<sim::ByteRun> dirty) {
    return hash_of_bits(dirty, size, 512)->sha256;
  };
  const std::uint64_t border = size / 2;
  CHECK(hash({{border - 512, border}}) != hash({{border, border + 512}}));
  CHECK(hash({{border - 512, border + 512}}) ==
        hash({{border - 512, border}, {border, border + 1}}));
  CHECK(hash({{0, size}}) != hash({{0, size - 512}}));
  CHECK(hash({{63 * 512, 65 * 512}}) != hash({{63 * 512, 64 * 512}}));
}

TEST_CASE("granules are touched as wholes, and counted so") {
  CHECK(hash_of_bits({{1, 2}, {65535, 65537}}, 100000, 65536)->bytes == 131072);
  CHECK(hash_of_bits({{1, 2}}, 100000, 65536)->sha256 ==
        hash_of_bits({{0, 65536}}, 100000, 65536)->sha256);
}

TEST_CASE("what no bitmap can be is not hashed") {
  CHECK_FALSE(hash_of_bits({}, 1048576, 0));
  CHECK_FALSE(hash_of_bits({}, 1048576, 1000));
  CHECK_FALSE(hash_of_bits({{65536, 131072}}, 512, 65536));
  CHECK_FALSE(hash_of_bits({}, std::uint64_t{1} << 63, 512));
  CHECK(hash_of_bits({}, 1048576, std::uint64_t{1} << 63));
}
