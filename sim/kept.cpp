// SPDX-License-Identifier: MIT
#include "sim/kept.h"

#include <charconv>
#include <sstream>
#include <string_view>

#include "sim/choice.h"

namespace sim {

namespace {

constexpr std::uint64_t sector = 512;
/// More sectors than any change of ours has; keeps a mistyped range from filling the memory.
constexpr std::uint64_t largest_number = 1 << 20;

/// First and last of a range.
struct Range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && number <= largest_number ? std::optional(number) : std::nullopt;
}

/// "3" or "3-5".
std::optional<Range> range_of(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = number_of(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : number_of(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return Range{*first, *last};
}

/// Writes ascending numbers as "1,3-5".
class RangeWriter {
 public:
  explicit RangeWriter(std::string prefix = {}) : prefix_(std::move(prefix)) {}

  void add(std::uint64_t number) {
    if (!ranges_.empty() && ranges_.back().last + 1 == number) {
      ranges_.back().last = number;
    } else {
      ranges_.push_back({number, number});
    }
  }
  std::string text() const {
    std::string text;
    for (const Range& range : ranges_) {
      text += (text.empty() ? "" : ",") + prefix_ + std::to_string(range.first);
      if (range.last != range.first) text += "-" + std::to_string(range.last);
    }
    return text;
  }

 private:
  std::string prefix_;
  std::vector<Range> ranges_;
};

Fate drawn_fate(const Unflushed& change, Choice& choice) {
  enum : std::uint64_t { keep, lose, tear, fates };
  const std::uint64_t fate = choice.pick(fates);
  Fate result{fate == keep, {}};
  if (fate != tear) return result;
  for (std::uint64_t i = 0; i < change.sectors(); ++i) {
    if (choice.pick(2) == 0) result.sectors.insert(i);
  }
  return result;
}

}  // namespace

std::uint64_t Unflushed::sectors() const {
  if (kind == Kind::resize) return 1;
  return (offset + length + sector - 1) / sector - offset / sector;
}

Kept Kept::all() {
  Kept kept;
  kept.all_ = true;
  return kept;
}

Kept Kept::seeded(std::uint64_t seed) {
  Kept kept;
  kept.seed_ = seed;
  return kept;
}

Kept Kept::listed(const std::vector<Fate>& fates) {
  Kept kept;
  for (std::size_t i = 0; i < fates.size(); ++i) {
    if (fates[i] != Fate{}) kept.listed_[i + 1] = fates[i];
  }
  return kept;
}

std::optional<Kept> Kept::parse(const std::string& text) {
  if (text == "none") return Kept();
  if (text == "all") return all();
  Kept kept;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t dot = part.find('.');
    const auto changes = range_of(std::string_view(part).substr(0, dot));
    if (!changes || changes->first == 0) return std::nullopt;
    if (dot == std::string::npos) {
      for (auto i = changes->first; i <= changes->last; ++i) kept.listed_[i] = {true, {}};
      continue;
    }
    const auto sectors = range_of(std::string_view(part).substr(dot + 1));
    if (!sectors || changes->first != changes->last) return std::nullopt;
    Fate& fate = kept.listed_[changes->first];
    for (auto i = sectors->first; i <= sectors->last; ++i) fate.sectors.insert(i);
  }
  const bool complete = !text.empty() && text.back() != ',';
  return complete ? std::optional(kept) : std::nullopt;
}

std::string Kept::option() const {
  if (all_) return "keep=all";
  if (seed_) return "seed=" + std::to_string(*seed_);
  if (listed_.empty()) return {};
  RangeWriter whole;
  std::string torn;
  for (const auto& [number, fate] : listed_) {
    if (fate.whole) {
      whole.add(number);
      continue;
    }
    RangeWriter sectors(std::to_string(number) + ".");
    for (const std::uint64_t each : fate.sectors) sectors.add(each);
    torn += (torn.empty() ? "" : ",") + sectors.text();
  }
  const std::string comma = whole.text().empty() || torn.empty() ? "" : ",";
  return "keep=" + whole.text() + comma + torn;
}

std::string Kept::beyond(const std::vector<Unflushed>& changes) const {
  for (const auto& [number, fate] : listed_) {
    const std::string change = "change " + std::to_string(number);
    if (number > changes.size()) return change;
    if (fate.sectors.empty() || *fate.sectors.rbegin() < changes[number - 1].sectors()) continue;
    return "sector " + std::to_string(*fate.sectors.rbegin()) + " of " + change;
  }
  return {};
}

std::vector<Fate> Kept::fates(const std::vector<Unflushed>& changes) const {
  std::vector<Fate> fates;
  SeededChoice choice(seed_.value_or(0));
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto listed = listed_.find(i + 1);
    if (all_) {
      fates.push_back({true, {}});
    } else if (seed_) {
      fates.push_back(drawn_fate(changes[i], choice));
    } else {
      fates.push_back(listed == listed_.end() ? Fate{} : listed->second);
    }
  }
  return fates;
}

}  // namespace sim
