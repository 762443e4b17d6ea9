// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/difference.h"
#include "sim/ledger.h"
#include "sim/worlds.h"

namespace sim {

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

/// A step in which nothing that a witness might have shown could have been found wrong.
struct NotJudged {
  std::string subject;
  std::string why;
  int line = 0;      ///< of the step, 0: nowhere
  std::string step;  ///< its text
};

/// Witnesses that do the same steps side by side, and the model's worlds that say what is allowed
/// to each of them. A witness whose difference is a known fault of its does not count, and leaves
/// the run unless the ledger says that it may go on. After any other difference the witnesses are
/// no longer in the same state, and the run should end.
class Lockstep {
 public:
  /// All must outlive this, as must `known`.
  explicit Lockstep(std::vector<Subject*> witnesses,
                    const std::vector<KnownFault>* known = nullptr);

  /// Has every witness do the step. One that breaks is a difference.
  std::optional<Difference> step(const Step& step);
  /// What the model allows to be seen of the last step.
  const nlohmann::json& allowed() const { return shown_[0].observation; }
  /// What a witness answered in the last step, its dirty runs in place of their hash where it tells
  /// them; what the model allows, of a witness that has left.
  nlohmann::json answer(const Step& step, std::size_t witness);
  /// The known faults that were seen, in order.
  const std::vector<Sighting>& sightings() const { return sightings_; }
  /// Who left because of what it cannot do, in order.
  const std::vector<Departure>& departures() const { return departures_; }
  /// The steps that were not judged, in order.
  const std::vector<NotJudged>& not_judged() const { return not_judged_; }

 private:
  void ask_model(const Step& step);
  /// Has one witness do the step. False if it leaves.
  bool observe_one(const Step& step, std::size_t witness);
  void judge_one(const Step& step, std::size_t witness);
  /// Whether the ledger knows it; if so it is noted.
  bool excused(const Step& step, std::size_t witness);
  Difference difference(const Step& step);
  /// Who only hashed its bits is asked for them: they tell where the difference is.
  void look_closer(const Step& step, std::size_t witness);
  Shown& shown_by(std::size_t witness) { return shown_[witness + 1]; }

  std::vector<Subject*> witnesses_;
  const std::vector<KnownFault>* known_;
  Worlds worlds_;
  std::vector<Shown> shown_;   ///< of the last step; the model's first
  std::vector<bool> present_;  ///< who has not left
  std::vector<Sighting> sightings_;
  std::vector<Departure> departures_;
  std::vector<NotJudged> not_judged_;
  Prelude prelude_;
};

}  // namespace sim
