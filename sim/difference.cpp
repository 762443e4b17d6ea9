// SPDX-License-Identifier: MIT
#include "sim/difference.h"

#include <algorithm>

namespace sim {

using nlohmann::json;

namespace {

/// Whether two subjects of a difference agree; the first one's findings are known already.
bool agree(const Difference& difference, std::size_t one, std::size_t other) {
  const Shown &a = difference.shown[one], &b = difference.shown[other];
  if (a.breakdown || b.breakdown) return false;
  if (one == 0) return !b.finding;
  // Whose words are not compared to the letter is the one to be measured.
  const bool turn = a.profile && !b.profile;
  const Shown &measure = turn ? b : a, &measured = turn ? a : b;
  return !judge(difference.step, measure.observation, measured.observation,
                measured.profile ? &*measured.profile : nullptr);
}

}  // namespace

std::vector<std::vector<std::size_t>> camps(const Difference& difference) {
  std::vector<std::vector<std::size_t>> result;
  for (std::size_t i = 0; i < difference.shown.size(); ++i) {
    const auto camp = std::find_if(result.begin(), result.end(), [&](const auto& each) {
      return agree(difference, each.front(), i);
    });
    if (camp == result.end()) {
      result.push_back({i});
    } else {
      camp->push_back(i);
    }
  }
  return result;
}

std::optional<std::size_t> stands_alone(const Difference& difference) {
  const auto sides = camps(difference);
  if (difference.shown.size() < 3 || sides.size() != 2) return std::nullopt;
  for (const auto& side : sides) {
    if (side.size() == 1) return side.front();
  }
  return std::nullopt;
}

std::optional<Finding> judge(const Step& step, const json& allowed, const json& seen) {
  if (const auto* show = std::get_if<ShowStep>(&step.action)) {
    if (show->sight == Sight::dirty) return compare_dirty(allowed, seen);
    if (show->sight == Sight::data) return compare_data(allowed, seen);
  }
  return compare(allowed, seen);
}

}  // namespace sim
