// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <cstdint>

namespace engine {

/// A number of bytes. Never negative, never an offset.
struct ByteCount {
  std::uint64_t value = 0;

  friend constexpr auto operator<=>(ByteCount, ByteCount) = default;
  constexpr ByteCount& operator+=(ByteCount other) { return *this = {value + other.value}; }
  constexpr ByteCount& operator-=(ByteCount other) { return *this = {value - other.value}; }
};
constexpr ByteCount operator+(ByteCount a, ByteCount b) { return {a.value + b.value}; }
constexpr ByteCount operator-(ByteCount a, ByteCount b) { return {a.value - b.value}; }
constexpr ByteCount operator*(ByteCount a, std::uint64_t n) { return {a.value * n}; }

/// A byte position in the address space named by Space. Positions of different spaces do not mix;
/// a position and a count add to a position, two positions subtract to a count.
template <class Space>
struct Position {
  std::uint64_t value = 0;

  friend constexpr auto operator<=>(Position, Position) = default;
  constexpr Position& operator+=(ByteCount n) { return *this = {value + n.value}; }
  friend constexpr Position operator+(Position a, ByteCount n) { return {a.value + n.value}; }
  friend constexpr Position operator-(Position a, ByteCount n) { return {a.value - n.value}; }
  friend constexpr ByteCount operator-(Position a, Position b) { return {a.value - b.value}; }
};

/// Where the guest sees a byte: an offset into a node's contents.
using GuestOffset = Position<struct GuestSpace>;
/// Where a byte lies in a file: an offset into a Storage.
using HostOffset = Position<struct HostSpace>;

/// The greatest multiple of a power-of-two `unit` that is <= value, and the least that is >= value.
constexpr std::uint64_t round_down(std::uint64_t value, std::uint64_t unit) {
  return value & ~(unit - 1);
}
constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return round_down(value + unit - 1, unit);
}
/// How many units (a power of two) it takes to hold `value`.
constexpr std::uint64_t units_for(std::uint64_t value, std::uint64_t unit) {
  return value / unit + (value % unit != 0 ? 1 : 0);
}
constexpr bool is_power_of_two(std::uint64_t value) {
  return value != 0 && (value & (value - 1)) == 0;
}

}  // namespace engine
