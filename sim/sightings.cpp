// SPDX-License-Identifier: MIT
#include "sim/sightings.h"

#include <fmt/format.h>

#include <algorithm>

namespace sim {

void LedgerReport::add(const Scenario& scenario, const ScenarioResult& result) {
  std::set<std::string> here;
  for (const TestcaseResult& testcase : result.testcases) {
    std::set<std::string> once;
    for (const Sighting& each : testcase.sightings) once.insert(each.fault);
    for (const std::string& id : once) ++seen_[id];
    here.merge(once);
  }
  if (!result.agreed()) return;  // it broke off, perhaps before the fault
  for (const KnownFault& fault : known_) {
    if (fault.race || fault.scenario != scenario.name) continue;
    if (!here.contains(fault.id)) gone_.insert(fault.id);
  }
}

std::string LedgerReport::text() const {
  std::string text;
  for (const KnownFault& fault : known_) {
    const std::string who = name_of(fault.subject);
    if (const auto found = seen_.find(fault.id); found != seen_.end()) {
      text += fmt::format("known {} {} of {}: {} ({} testcase{})\n",
                          fault.change ? "change" : "divergence", fault.id, who, fault.title,
                          found->second, found->second == 1 ? "" : "s");
    } else if (gone_.contains(fault.id)) {
      text += fmt::format("{} no longer occurs on {}: {}\n", fault.id, who, fault.title);
    }
  }
  return text;
}

std::set<std::string> LedgerReport::seen() const {
  std::set<std::string> ids;
  for (const auto& [id, count] : seen_) ids.insert(id);
  return ids;
}

std::string LedgerReport::name_of(const std::string& subject) const {
  const auto found = names_.find(subject);
  return found == names_.end() ? subject : found->second;
}

}  // namespace sim
