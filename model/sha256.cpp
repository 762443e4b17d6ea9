// SPDX-License-Identifier: MIT
#include <array>
#include <bit>
#include <cmath>

#include "model/parts.h"

namespace model {

namespace {

using Words = std::array<std::uint32_t, 64>;

/// FIPS 180-4's constants: the fractions of the cube roots, or square roots, of the first primes.
Words roots(long double (*root)(long double)) {
  Words words{};
  std::size_t found = 0;
  for (unsigned n = 2; found < words.size(); ++n) {
    bool prime = true;
    for (unsigned d = 2; d * d <= n; ++d) prime = prime && n % d != 0;
    const long double value = root(n);
    if (prime) words[found++] = static_cast<std::uint32_t>(std::ldexp(value - floorl(value), 32));
  }
  return words;
}

void compress(std::array<std::uint32_t, 8>& hash, const std::uint8_t* block) {
  static const Words k = roots(std::cbrt);
  const auto mix = [](std::uint32_t x, int a, int b, std::uint32_t last) {
    return std::rotr(x, a) ^ std::rotr(x, b) ^ last;
  };
  Words w{};
  for (std::size_t i = 0; i < 64; ++i) w[i / 4] = w[i / 4] << 8 | block[i];
  for (std::size_t i = 16; i < 64; ++i) {
    w[i] = w[i - 16] + mix(w[i - 15], 7, 18, w[i - 15] >> 3) + w[i - 7] +
           mix(w[i - 2], 17, 19, w[i - 2] >> 10);
  }
  auto [a, b, c, d, e, f, g, h] = hash;
  for (std::size_t i = 0; i < 64; ++i) {
    const auto t1 = h + mix(e, 6, 11, std::rotr(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + w[i];
    const auto t2 = mix(a, 2, 13, std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  const std::array<std::uint32_t, 8> sum{a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) hash[i] += sum[i];
}

}  // namespace

std::string sha256_hex(std::vector<std::uint8_t> message) {
  static const Words start = roots(std::sqrt);
  std::array<std::uint32_t, 8> hash{};
  for (std::size_t i = 0; i < 8; ++i) hash[i] = start[i];
  const Number bits = message.size() * 8;
  message.push_back(0x80);
  while (message.size() % 64 != 56) message.push_back(0);
  for (int shift = 56; shift >= 0; shift -= 8) message.push_back((bits >> shift) & 0xff);
  for (std::size_t at = 0; at < message.size(); at += 64) compress(hash, &message[at]);
  std::string hex;
  for (const std::uint32_t word : hash) {
    for (int shift = 28; shift >= 0; shift -= 4) hex += "0123456789abcdef"[word >> shift & 15];
  }
  return hex;
}

}  // namespace model
