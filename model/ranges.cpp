// SPDX-License-Identifier: MIT
#include "model/ranges.h"

#include <algorithm>
#include <iterator>

namespace model {

void Runs::add(Number start, Number end) {
  if (start >= end) return;
  auto run = runs_.upper_bound(start);
  if (run != runs_.begin() && std::prev(run)->second >= start) --run;
  while (run != runs_.end() && run->first <= end) {
    start = std::min(start, run->first);
    end = std::max(end, run->second);
    run = runs_.erase(run);
  }
  runs_.emplace_hint(run, start, end);
}

void Runs::remove(Number start, Number end) {
  auto run = runs_.upper_bound(start);
  if (run != runs_.begin() && std::prev(run)->second > start) --run;
  while (run != runs_.end() && run->first < end) {
    const auto [first, last] = *run;
    run = runs_.erase(run);
    if (first < start) runs_.emplace(first, start);
    if (last > end) runs_.emplace(end, last);
  }
}

void Runs::add(const Runs& other) {
  for (const auto& [start, end] : other) add(start, end);
}

void Runs::remove(const Runs& other) {
  for (const auto& [start, end] : other) remove(start, end);
}

Number Runs::total() const {
  Number sum = 0;
  for (const auto& [start, end] : runs_) sum += end - start;
  return sum;
}

Runs units_of(const Runs& runs, Number unit) {
  Runs units;
  for (const auto& [start, end] : runs) units.add(start / unit, (end + unit - 1) / unit);
  return units;
}

Runs widened(const Runs& runs, Number unit, Number limit) {
  Runs whole;
  for (const auto& [start, end] : units_of(runs, unit)) {
    whole.add(start * unit, std::min(end * unit, limit));
  }
  return whole;
}

namespace {

/// Ends the extent that spans `at` there and starts its rest.
void cut(Extents& extents, Number at) {
  const auto after = extents.lower_bound(at);
  if (after == extents.begin()) return;
  Extent& before = std::prev(after)->second;
  if (before.end <= at) return;
  extents.emplace_hint(after, at, before);
  before.end = at;
}

}  // namespace

void erase(Extents& extents, Number start, Number end) {
  cut(extents, start);
  cut(extents, end);
  extents.erase(extents.lower_bound(start), extents.lower_bound(end));
}

void paint(Extents& extents, Number start, Number end, const Bytes& own) {
  if (start >= end) return;
  erase(extents, start, end);
  extents.emplace(start, Extent{end, own});
}

void blend(Extents& extents, Number start, Number end, const Extent& more, const Extent& gap) {
  cut(extents, start);
  cut(extents, end);
  for (auto at = extents.lower_bound(start); start < end; start = (at++)->second.end) {
    if (at == extents.end() || at->first != start) {
      const Number stop = at == extents.end() ? end : std::min(end, at->first);
      at = extents.emplace_hint(at, start, Extent{stop, gap.own, gap.through});
    }
    at->second.own |= more.own;
    at->second.through |= more.through;
  }
}

void walk(const Extents& extents, Number start, Number end,
          const std::function<void(Number start, const Extent&)>& visit) {
  auto at = extents.upper_bound(start);
  if (at != extents.begin() && std::prev(at)->second.end > start) --at;
  while (start < end) {
    const bool covered = at != extents.end() && at->first <= start;
    const Number next = at == extents.end() ? end : covered ? at->second.end : at->first;
    Extent part = covered ? at->second : Extent{0, {}, true};
    part.end = std::min(end, next);
    visit(start, part);
    start = part.end;
    if (covered) ++at;
  }
}

}  // namespace model
