// SPDX-License-Identifier: MIT
#include "sim/lockstep.h"

#include <cstring>
#include <exception>

#include "sim/ledger.h"
#include "sim/observe.h"
#include "sim/profile/profile.h"
#include "sim/usage_error.h"

namespace sim {

using nlohmann::json;

namespace {

/// Whatever else a subject throws, it broke: a refusal would have been an answer.
void observe_or_break(Subject& subject, const Step& step, Shown& shown) {
  try {
    shown.observation = observe(subject, step);
  } catch (const UsageError&) {
    throw;
  } catch (const CannotFollow&) {
    throw;
  } catch (const SubjectCrash& crash) {
    shown.breakdown = Breakdown{crash.what(), crash.end(), crash.command()};
  } catch (const std::exception& error) {
    const std::string text = error.what();
    shown.breakdown = Breakdown{text.empty() ? "unknown error" : text, {}, {}};
  }
}

std::string how_seen(const Shown& shown) {
  if (!shown.breakdown) return "found " + shown.finding->seen;
  if (!shown.breakdown->end) return shown.breakdown->text;
  const ProcessEnd& end = *shown.breakdown->end;
  if (end.signal == 0) return "exited with status " + std::to_string(end.status);
  const char* name = sigabbrev_np(end.signal);
  return "died of " +
         (name == nullptr ? "signal " + std::to_string(end.signal) : "SIG" + std::string(name));
}

}  // namespace

Lockstep::Lockstep(std::vector<Subject*> subjects, const std::vector<KnownFault>* known)
    : subjects_(std::move(subjects)),
      known_(known),
      shown_(subjects_.size()),
      present_(subjects_.size(), true) {
  for (std::size_t i = 0; i < subjects_.size(); ++i) shown_[i].subject = subjects_[i]->name();
}

std::optional<Difference> Lockstep::step(const Step& step) {
  bool agree = true;
  for (std::size_t i = 0; i < subjects_.size(); ++i) {
    if (!present_[i]) continue;
    Shown& shown = shown_[i];
    if (!observe_one(step, i)) continue;
    if (i > 0 && !shown.breakdown && !shown_[0].breakdown) {
      shown.finding =
          judge(step, shown_[0].observation, shown.observation, subjects_[i]->profile());
    }
    if (shown.differs() && !excused(step, shown, i)) agree = false;
  }
  if (!agree) return difference(step);
  allowed_ = std::move(shown_[0].observation);
  return std::nullopt;
}

bool Lockstep::observe_one(const Step& step, std::size_t subject) {
  Shown& shown = shown_[subject];
  shown.breakdown.reset();
  shown.finding.reset();
  try {
    observe_or_break(*subjects_[subject], step, shown);
  } catch (const CannotFollow& cannot) {
    if (subject == 0) throw;  // nobody is left to say what is right
    departures_.push_back({shown.subject, step, cannot.what()});
    present_[subject] = false;
  }
  return present_[subject];
}

bool Lockstep::excused(const Step& step, const Shown& shown, std::size_t subject) {
  if (known_ == nullptr) return false;
  for (const KnownFault& fault : *known_) {
    if (!recognises(fault, step, shown)) continue;
    const bool leaves = fault.then == KnownFault::Then::leaves;
    sightings_.push_back({fault.id, fault.title, shown.subject, step, how_seen(shown), leaves});
    present_[subject] = !leaves;
    return true;
  }
  return false;
}

Difference Lockstep::difference(const Step& step) {
  Difference difference{step, {}};
  for (std::size_t i = 0; i < subjects_.size(); ++i) {
    if (!present_[i]) continue;
    difference.shown.push_back(shown_[i]);
    if (const Profile* profile = subjects_[i]->profile())
      difference.shown.back().profile = *profile;
  }
  allowed_ = std::move(shown_[0].observation);
  return difference;
}

}  // namespace sim
