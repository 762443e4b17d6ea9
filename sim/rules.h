// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/scenario.h"

namespace sim {

/// A rule of model/RULES.md and who shows it.
struct Rule {
  std::string id;                      ///< e.g. "S12"
  std::string text;                    ///< how the rule begins, on one line; may be empty
  std::vector<std::string> scenarios;  ///< that cite it, sorted
  std::string reason;                  ///< why none can, if that is known
};

/// Which scenarios show which rules: the rules are those that model/RULES.md states and those that
/// scenarios/uncited.json excuses, the citations are read from the comments of the scenarios.
class RuleTable {
 public:
  /// Reads a project. Throws UsageError and script::ScriptError.
  static RuleTable read(const Project& project);

  /// By letter and number.
  const std::vector<Rule>& rules() const { return rules_; }
  const Rule* find(const std::string& id) const;
  /// What scenarios cite and no rule is called, each with a scenario that does so.
  const std::map<std::string, std::string>& unknown() const { return unknown_; }

 private:
  std::vector<Rule> rules_;
  std::map<std::string, std::string> unknown_;
};

/// The ids of rules in a text, in order: S or M with a number.
std::vector<std::string> cited_rules(const std::string& text);

}  // namespace sim
