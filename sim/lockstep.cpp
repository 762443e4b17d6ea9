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

/// Does `work`. Whatever else than a UsageError it throws, it broke: a refusal would have been an
/// answer.
template <class Work>
void do_or_break(Shown& shown, const Work& work) {
  try {
    work();
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

Lockstep::Lockstep(std::vector<Subject*> witnesses, const std::vector<KnownFault>* known)
    : witnesses_(std::move(witnesses)),
      known_(known),
      worlds_(witnesses_.size()),
      shown_(witnesses_.size() + 1),
      present_(witnesses_.size(), true),
      prelude_(known) {
  shown_[0].subject = "model";
  for (std::size_t i = 0; i < witnesses_.size(); ++i) shown_by(i).subject = witnesses_[i]->name();
}

std::optional<Difference> Lockstep::step(const Step& step) {
  ask_model(step);
  bool agree = !shown_[0].breakdown;
  for (std::size_t i = 0; i < witnesses_.size(); ++i) {
    if (!present_[i] || !observe_one(step, i)) continue;
    judge_one(step, i);
    if (shown_by(i).differs() && !excused(step, i)) agree = false;
  }
  prelude_.pass(step);
  if (!shown_[0].breakdown) shown_[0].observation = worlds_.take_allowed();
  if (agree) return std::nullopt;
  return difference(step);
}

void Lockstep::ask_model(const Step& step) {
  shown_[0].breakdown.reset();
  do_or_break(shown_[0], [&] { worlds_.lead_on(step); });
}

bool Lockstep::observe_one(const Step& step, std::size_t witness) {
  Shown& shown = shown_by(witness);
  shown.breakdown.reset();
  shown.finding.reset();
  try {
    do_or_break(shown, [&] { shown.observation = observe(*witnesses_[witness], step); });
  } catch (const CannotFollow& cannot) {
    departures_.push_back({shown.subject, step, cannot.what()});
    present_[witness] = false;
  }
  return present_[witness];
}

void Lockstep::judge_one(const Step& step, std::size_t witness) {
  Shown& shown = shown_by(witness);
  if (shown.breakdown || shown_[0].breakdown) return;
  auto heard = worlds_.hear(witness, step, shown.observation, witnesses_[witness]->profile());
  shown.finding = std::move(heard.finding);
  if (heard.not_judged.empty()) return;
  not_judged_.push_back({shown.subject, std::move(heard.not_judged), step.line, step.text});
}

bool Lockstep::excused(const Step& step, std::size_t witness) {
  if (known_ == nullptr) return false;
  const Shown& shown = shown_by(witness);
  for (std::size_t entry = 0; entry < known_->size(); ++entry) {
    const KnownFault& fault = (*known_)[entry];
    if (!prelude_.complete(entry) || !recognises(fault, step, shown)) continue;
    const bool leaves = fault.then == KnownFault::Then::leaves;
    sightings_.push_back({fault.id, fault.title, shown.subject, step, how_seen(shown), leaves});
    present_[witness] = !leaves;
    return true;
  }
  return false;
}

void Lockstep::look_closer(const Step& step, std::size_t witness) try {
  Shown& shown = shown_by(witness);
  const auto* show = std::get_if<ShowStep>(&step.action);
  if (show == nullptr || shown.breakdown || !shown.observation.contains("sha256")) return;
  json runs = witnesses_[witness]->dirty_runs(show->target, show->bitmap);
  if (runs.is_null()) return;
  shown.observation = std::move(runs);
  if (!shown.finding || shown_[0].breakdown) return;
  const auto closer =
      judge(step, shown_[0].observation, shown.observation, witnesses_[witness]->profile());
  if (closer) shown.finding = closer;  // else it lied about the hash
} catch (const SubjectFailure&) {
  // The hash has to do.
}

json Lockstep::answer(const Step& step, std::size_t witness) {
  if (!present_[witness]) return allowed();
  look_closer(step, witness);
  return shown_by(witness).observation;
}

Difference Lockstep::difference(const Step& step) {
  Difference difference{step, {shown_[0]}};
  for (std::size_t i = 0; i < witnesses_.size(); ++i) {
    if (!present_[i]) continue;
    look_closer(step, i);
    difference.shown.push_back(shown_by(i));
    if (const Profile* profile = witnesses_[i]->profile())
      difference.shown.back().profile = *profile;
  }
  return difference;
}

}  // namespace sim
