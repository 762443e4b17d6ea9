// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/ledger.h"
#include "sim/runner.h"

namespace sim {

/// What a replay showed of the faults that the ledger knows: which were seen, and which were not
/// although their scenario ran to its end.
class LedgerReport {
 public:
  /// `known` are the faults that the subjects are said to have; `names` tells a subject with its
  /// version, as "qemu 7.2.22".
  LedgerReport(const std::vector<KnownFault>& known, std::map<std::string, std::string> names)
      : known_(known), names_(std::move(names)) {}

  /// Counts what was seen. Answers what to tell of it at once: each fault in full where it is seen
  /// for the first time, with an empty line behind it; may be empty.
  std::string add(const Scenario& scenario, const ScenarioResult& result);
  /// A line for each fault that was seen, with how often and where, or no longer occurs; may be
  /// empty.
  std::string text() const;
  /// The ids of the faults that were seen, sorted.
  std::set<std::string> seen() const;

 private:
  std::string name_of(const std::string& subject) const;

  const std::vector<KnownFault>& known_;
  std::map<std::string, std::string> names_;
  struct Seen {
    std::size_t testcases = 0;
    std::vector<std::string> scenarios = {};
    std::string text() const;
  };

  std::map<std::string, Seen> seen_;  ///< by id
  std::set<std::string> gone_;        ///< ids whose scenario ran and did not show them
};

}  // namespace sim
