// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "sim/step.h"

namespace sim {

/// A step that does not do what its story wants, though all subjects agree.
struct Mistake {
  Step step;
  std::string what;  ///< "is refused by all: Node 'n' not found"

  /// Whether the story says in so many words what does not happen. A refusal that it says nothing
  /// of is told, and fails only where that is asked for (replay --strict).
  bool is_broken_word() const { return step.refusal == Refusal::wanted; }
  /// What to write instead.
  std::string hint() const;
};

/// Whether a step is refused although its story does not say so, or done although it says that it
/// is refused. `said` is what the model allows (sim/allowed.h); where that may be either, nothing
/// is a mistake.
std::optional<Mistake> mistake_in(const Step& step, const nlohmann::json& said);

}  // namespace sim
