// SPDX-License-Identifier: MIT
#include "sim/ledger.h"

#include "sim/pattern.h"

namespace sim {

using nlohmann::json;

namespace {

bool request_matches(const KnownFault& fault, const json& request) {
  return matches(*fault.request, request);
}

/// A shell that wraps the subject tells its child's death by signal N as status 128 + N.
bool died_of(const ProcessEnd& end, int signal) {
  return end.signal == signal || end.status == 128 + signal;
}

/// A subject may die in a request that is not the step's own but made to observe it.
bool crash_matches(const KnownFault& fault, const Step& step, const Breakdown& breakdown) {
  if (!breakdown.end || !died_of(*breakdown.end, fault.signal)) return false;
  if (!fault.request) return matches_text(fault.step, step.text);
  const json request = json::parse(breakdown.command, nullptr, false);
  return !request.is_discarded() && request_matches(fault, request);
}

bool answer_matches(const KnownFault& fault, const Step& step, const json& seen) {
  if (!fault.shows.is_null() && !matches(fault.shows, seen)) return false;
  if (!fault.request) return matches_text(fault.step, step.text);
  const auto* command = std::get_if<QmpStep>(&step.action);
  return command != nullptr && request_matches(fault, command->request);
}

}  // namespace

Prelude::Prelude(const std::vector<KnownFault>* known)
    : known_(known), passed_(known == nullptr ? 0 : known->size()) {}

void Prelude::pass(const Step& step) {
  for (std::size_t i = 0; i < passed_.size(); ++i) {
    if (!complete(i) && matches_text((*known_)[i].after[passed_[i]], step.text)) ++passed_[i];
  }
}

bool Prelude::complete(std::size_t entry) const {
  return passed_[entry] == (*known_)[entry].after.size();
}

bool recognises(const KnownFault& fault, const Step& step, const Shown& shown) {
  const bool recognisable = fault.request || !fault.step.empty();
  if (!recognisable || fault.subject != shown.subject || !shown.differs()) return false;
  if (fault.signal != 0) return shown.breakdown && crash_matches(fault, step, *shown.breakdown);
  return shown.finding && answer_matches(fault, step, shown.observation);
}

std::vector<KnownFault> Ledger::faults_of(const std::string& subject,
                                          const std::optional<Version>& version) const {
  std::vector<KnownFault> result;
  for (const KnownFault& fault : faults_) {
    if (fault.subject != subject) continue;
    const bool has_it =
        !version || (*version >= fault.since && (!fault.fixed || *version < *fault.fixed));
    if (has_it) result.push_back(fault);
  }
  return result;
}

}  // namespace sim
