// SPDX-License-Identifier: MIT
#pragma once

#include <bitset>
#include <cstdint>
#include <functional>
#include <map>

namespace model {

using Number = std::uint64_t;

/// Disjoint runs [start, end) of numbers: of bytes, or of granules.
class Runs {
 public:
  void add(Number start, Number end);
  void remove(Number start, Number end);
  void add(const Runs& other);
  void remove(const Runs& other);
  /// How many numbers are in the set.
  Number total() const;
  bool empty() const { return runs_.empty(); }
  auto begin() const { return runs_.begin(); }
  auto end() const { return runs_.end(); }
  bool operator==(const Runs&) const = default;

 private:
  std::map<Number, Number> runs_;
};

/// The units that runs of smaller things touch; the smaller things in these, none beyond `limit`.
Runs units_of(const Runs& runs, Number unit);
Runs widened(const Runs& runs, Number unit, Number limit);

/// The values that a byte may have.
using Bytes = std::bitset<256>;

/// What a layer may hold in a run of bytes: one of `own` and, if `through`, what lies below.
struct Extent {
  Number end = 0;
  Bytes own;
  bool through = false;
  bool operator==(const Extent&) const = default;
};

/// A layer's content. A gap shows what lies below.
using Extents = std::map<Number, Extent>;

void erase(Extents& extents, Number start, Number end);
void paint(Extents& extents, Number start, Number end, const Bytes& own);
/// Allows more in [start, end); gaps become `gap` and what is more.
void blend(Extents& extents, Number start, Number end, const Extent& more, const Extent& gap);
/// Visits [start, end) in order; a gap is an extent of nothing, seen through.
void walk(const Extents& extents, Number start, Number end,
          const std::function<void(Number start, const Extent&)>& visit);

}  // namespace model
