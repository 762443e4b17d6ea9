// SPDX-License-Identifier: MIT
#include "sim/sightings.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/report.h"

namespace sim {

std::string LedgerReport::add(const Scenario& scenario, const ScenarioResult& result) {
  std::string news;
  std::set<std::string> here;
  for (const TestcaseResult& testcase : result.testcases) {
    std::set<std::string> once;
    for (const Sighting& each : testcase.sightings) {
      if (!once.insert(each.fault).second) continue;
      if (++seen_[each.fault].testcases > 1) continue;
      news += sighting_text(scenario, testcase.title, each) + "\n";
    }
    here.merge(once);
  }
  for (const std::string& id : here) seen_[id].scenarios.push_back(scenario.name);
  if (!result.agreed()) return news;  // it broke off, perhaps before the fault
  for (const KnownFault& fault : known_) {
    if (fault.race || fault.scenario != scenario.name) continue;
    if (!here.contains(fault.id)) gone_.insert(fault.id);
  }
  return news;
}

/// "3 testcases: jobs/verbs, commit/pending and 2 more scenarios"
std::string LedgerReport::Seen::text() const {
  constexpr std::size_t most = 3;
  std::vector<std::string> names(
      scenarios.begin(),
      scenarios.begin() + static_cast<std::ptrdiff_t>(std::min(most, scenarios.size())));
  const std::size_t more = scenarios.size() - names.size();
  if (more > 0) names.push_back(fmt::format("{} more scenario{}", more, more == 1 ? "" : "s"));
  return fmt::format("{} testcase{}: {}", testcases, testcases == 1 ? "" : "s",
                     joined_names(names));
}

std::string LedgerReport::text() const {
  std::string text;
  for (const KnownFault& fault : known_) {
    const std::string who = name_of(fault.subject);
    if (const auto found = seen_.find(fault.id); found != seen_.end()) {
      text += fmt::format("known {} {} of {}: {} ({})\n", fault.change ? "change" : "divergence",
                          fault.id, who, fault.title, found->second.text());
    } else if (gone_.contains(fault.id)) {
      text += fmt::format("{} no longer occurs on {}: {}\n", fault.id, who, fault.title);
    }
  }
  return text;
}

std::set<std::string> LedgerReport::seen() const {
  std::set<std::string> ids;
  for (const auto& [id, times] : seen_) ids.insert(id);
  return ids;
}

std::string LedgerReport::name_of(const std::string& subject) const {
  const auto found = names_.find(subject);
  return found == names_.end() ? subject : found->second;
}

}  // namespace sim
