// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/step.h"
#include "sim/verdict.h"

namespace sim {

/// What one subject showed in a step.
struct Shown {
  std::string subject;
  nlohmann::json observation;
  std::string failure;             ///< how the subject broke; empty: it did not
  std::optional<Finding> finding;  ///< why the oracle does not allow it
};

/// A step in which the subjects did not agree.
struct Difference {
  Step step;
  std::vector<Shown> shown;  ///< the oracle's first
};

/// Subjects that do the same steps side by side. The first is the oracle: its answers say what is
/// allowed, and the others are measured by them at once. After a difference the subjects are no
/// longer in the same state, and the run should end.
class Lockstep {
 public:
  /// Requires at least one subject, all outliving this.
  explicit Lockstep(std::vector<Subject*> subjects) : subjects_(std::move(subjects)) {}

  /// Has every subject do the step. A subject that breaks is a difference.
  std::optional<Difference> step(const Step& step);
  /// What the oracle allows to be seen of the last step.
  const nlohmann::json& allowed() const { return allowed_; }

 private:
  std::vector<Subject*> subjects_;
  nlohmann::json allowed_;
  std::vector<nlohmann::json> seen_;
  std::vector<std::string> failures_;
};

/// Whether `seen` is what `allowed` allows, for the kind of observation that `step` makes.
std::optional<Finding> judge(const Step& step, const nlohmann::json& allowed,
                             const nlohmann::json& seen);

}  // namespace sim
