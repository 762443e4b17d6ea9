// SPDX-License-Identifier: MIT
#include "sim/sweep/power_cuts.h"

#include <algorithm>

namespace sim::sweep {

namespace {

/// The sectors [first, end) of a change.
Fate part(std::uint64_t first, std::uint64_t end) {
  Fate fate;
  for (std::uint64_t i = first; i < end; ++i) fate.sectors.insert(i);
  return fate;
}

/// What may become of a change when all combinations are tried.
std::vector<Fate> fates_of(const Unflushed& change) {
  std::vector<Fate> fates{Fate{}, Fate{true, {}}};
  const std::uint64_t sectors = change.sectors();
  if (sectors < 2) return fates;
  fates.push_back(part(0, sectors / 2));
  fates.push_back(part(sectors / 2, sectors));
  return fates;
}

bool keeps_all(const std::vector<Fate>& fates) {
  return std::all_of(fates.begin(), fates.end(), [](const Fate& fate) { return fate.whole; });
}

/// Goes through all combinations, or draws some.
class Cuts {
 public:
  Cuts(const std::vector<Unflushed>& changes, std::optional<std::size_t> newest)
      : changes_(changes), newest_(newest) {
    for (const Unflushed& change : changes) choices_.push_back(fates_of(change));
  }

  /// How many combinations there are, as far as `limit`.
  std::uint64_t count(std::uint64_t limit) const {
    std::uint64_t product = 1;
    for (const auto& each : choices_) {
      product *= each.size();
      if (product > limit) break;
    }
    return product;
  }

  std::vector<Kept> all() {
    combine({});
    return std::move(cuts_);
  }
  std::vector<Kept> drawn(const Depth& depth) {
    add(std::vector<Fate>(changes_.size()));
    if (newest_) add_only(*newest_);
    for (std::uint64_t i = 0; i < depth.samples; ++i) {
      add(Kept::seeded(depth.seed * depth.samples + i).fates(changes_));
    }
    return std::move(cuts_);
  }

 private:
  void combine(std::vector<Fate> chosen) {
    if (chosen.size() == choices_.size()) return add(chosen);
    for (const Fate& fate : choices_[chosen.size()]) {
      std::vector<Fate> more = chosen;
      more.push_back(fate);
      combine(std::move(more));
    }
  }
  void add_only(std::size_t change) {
    std::vector<Fate> fates(changes_.size());
    fates[change].whole = true;
    add(fates);
  }
  void add(const std::vector<Fate>& fates) {
    const bool tried_before = newest_ && fates[*newest_] == Fate{};
    if (keeps_all(fates) || tried_before) return;
    Kept kept = Kept::listed(fates);
    if (std::find(cuts_.begin(), cuts_.end(), kept) == cuts_.end()) cuts_.push_back(kept);
  }

  const std::vector<Unflushed>& changes_;
  std::optional<std::size_t> newest_;
  std::vector<std::vector<Fate>> choices_;
  std::vector<Kept> cuts_;
};

}  // namespace

std::vector<Kept> power_cuts(const std::vector<Unflushed>& changes, const Depth& depth,
                             std::optional<std::size_t> newest) {
  Cuts cuts(changes, newest);
  return cuts.count(depth.combinations) <= depth.combinations ? cuts.all() : cuts.drawn(depth);
}

}  // namespace sim::sweep
