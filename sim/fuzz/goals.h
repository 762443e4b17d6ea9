// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace sim::fuzz {

/// Something that random runs are to reach.
struct Goal {
  enum class Kind { step, refusal, event, job_state, rule } kind;
  std::string name;
  std::string excuse;  ///< why they cannot, by design; empty: they should
};

/// All of them, by kind.
const std::vector<Goal>& goals();

/// Where a rule of model/RULES.md shows that no refusal tells: a step that was carried out or
/// refused, an event, something seen. A step says that runs came by, not that they tried all of
/// what the rule says.
struct RuleSign {
  const char* rule;
  const char* counts;  ///< the counts that have it: a name as in the JSON of Statistics
  const char* name;
};
const std::vector<RuleSign>& rule_signs();

}  // namespace sim::fuzz
