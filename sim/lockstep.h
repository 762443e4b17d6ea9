// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/difference.h"

namespace sim {

struct KnownFault;

/// A difference that the ledger knows.
struct Sighting {
  std::string fault;    ///< its id,
  std::string title;    ///< and title
  std::string subject;  ///< who showed it
  Step step;            ///< where
  std::string how;      ///< how it was seen: "died of SIGSEGV"
  bool left = false;    ///< whether the subject left the run there
};

/// A subject that left the run because it cannot do a step.
struct Departure {
  std::string subject;
  Step step;
  std::string why;
};

/// Subjects that do the same steps side by side. The first is the oracle: its answers say what is
/// allowed, and the others are measured by them at once. A subject whose difference is a known
/// fault of its does not count, and leaves the run unless the ledger says that it may go on. After
/// any other difference the subjects are no longer in the same state, and the run should end.
class Lockstep {
 public:
  /// Requires at least one subject, all outliving this, as must `known`.
  explicit Lockstep(std::vector<Subject*> subjects, const std::vector<KnownFault>* known = nullptr);

  /// Has every subject do the step. A subject that breaks is a difference.
  std::optional<Difference> step(const Step& step);
  /// What the oracle allows to be seen of the last step.
  const nlohmann::json& allowed() const { return allowed_; }
  /// The known faults that were seen, in order.
  const std::vector<Sighting>& sightings() const { return sightings_; }
  /// Who left because of what it cannot do, in order.
  const std::vector<Departure>& departures() const { return departures_; }

 private:
  /// Has one subject do the step. False if it leaves.
  bool observe_one(const Step& step, std::size_t subject);
  /// Whether the ledger knows it; if so it is noted.
  bool excused(const Step& step, const Shown& shown, std::size_t subject);
  Difference difference(const Step& step);

  std::vector<Subject*> subjects_;
  const std::vector<KnownFault>* known_;
  std::vector<Shown> shown_;   ///< of the last step
  std::vector<bool> present_;  ///< who has not left
  nlohmann::json allowed_;
  std::vector<Sighting> sightings_;
  std::vector<Departure> departures_;
};

}  // namespace sim
