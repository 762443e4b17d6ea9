// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/profile/profile.h"
#include "sim/step.h"
#include "sim/verdict.h"

namespace sim {

/// How a subject broke in a step.
struct Breakdown {
  std::string text;               ///< for humans
  std::optional<ProcessEnd> end;  ///< if its process died: how,
  std::string command;            ///< and what it was asked last, in the words of the wire
};

/// What one subject showed in a step.
struct Shown {
  std::string subject;
  nlohmann::json observation;
  std::optional<Breakdown> breakdown;  ///< then there is no observation
  std::optional<Finding> finding;      ///< why the oracle does not allow it
  std::optional<Profile> profile =
      {};  ///< how strictly its answers are compared; none: to the letter

  bool differs() const { return breakdown || finding; }
};

/// A step in which the subjects did not agree.
struct Difference {
  Step step;
  std::vector<Shown> shown;  ///< the oracle's first
};

/// The subjects of a difference sorted by who agrees with whom, as indices into its list: the camp
/// of the first subject first. Who broke agrees with nobody.
std::vector<std::vector<std::size_t>> camps(const Difference& difference);
/// The one subject of at least three that all others agree against; nothing if there is none.
std::optional<std::size_t> stands_alone(const Difference& difference);

/// Whether `seen` is what `allowed` allows, for the kind of observation that `step` makes.
std::optional<Finding> judge(const Step& step, const nlohmann::json& allowed,
                             const nlohmann::json& seen);

}  // namespace sim
