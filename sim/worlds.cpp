// SPDX-License-Identifier: MIT
#include "sim/worlds.h"

#include <algorithm>
#include <iterator>

#include "sim/allowed.h"
#include "sim/observe.h"
#include "sim/subjects.h"
#include "sim/verdict.h"

namespace sim {

using nlohmann::json;

namespace {

constexpr const char* too_many = "too many worlds";

/// What to tell of an answer that none of several worlds explains: that something is lost, if it
/// is measured by one of them, else that there is too much, else what the last one finds.
Finding gravest(const std::vector<Finding>& findings) {
  for (const Fault fault : {Fault::under_dirty, Fault::over_dirty}) {
    for (const Finding& finding : findings) {
      if (finding.fault == fault) return finding;
    }
  }
  return findings.back();
}

}  // namespace

Worlds::Worlds(std::size_t witnesses) {
  worlds_.push_back({make_model_subject(), (Holders{2} << witnesses) - 1});
}

void Worlds::lead_on(const Step& step) {
  for (World& world : worlds_) world.answer = nullptr;
  merge_equal();
  bool parted = part_before(step);
  for (World& world : worlds_) {
    world.answer = observe(*world.model, step);
    parted |= !has_one_state(*world.model);
  }
  if (parted) split();
  give_up_if_too_many();
}

/// A step that meets jobs at their end, or storage that fails, has several outcomes: each is a
/// world of its own, so that its answer goes with what comes of it. Whether there are such.
bool Worlds::part_before(const Step& step) {
  bool parted = false;
  for (std::size_t i = worlds_.size(); i-- > 0;) {
    std::vector<std::unique_ptr<Subject>> outcomes = outcomes_of(*worlds_[i].model, step);
    if (outcomes.empty()) continue;
    worlds_[i].model = std::move(outcomes.front());
    for (std::size_t which = 1; which < outcomes.size(); ++which)
      worlds_.push_back({std::move(outcomes[which]), worlds_[i].holders});
    parted = true;
  }
  return parted;
}

/// Two worlds that have become equal, and answered the same, are one.
void Worlds::merge_equal() {
  for (std::size_t i = 0; i + 1 < worlds_.size(); ++i) {
    for (std::size_t k = worlds_.size() - 1; k > i; --k) {
      if (worlds_[i].answer != worlds_[k].answer) continue;
      if (!same_state(*worlds_[i].model, *worlds_[k].model)) continue;
      worlds_[i].holders |= worlds_[k].holders;
      worlds_.erase(worlds_.begin() + static_cast<std::ptrdiff_t>(k));
    }
  }
}

void Worlds::split() {
  std::vector<World> apart;
  for (World& world : worlds_) {
    for (auto& model : states_of(*world.model)) {
      apart.push_back({std::move(model), world.holders, world.answer});
    }
  }
  worlds_ = std::move(apart);
  merge_equal();
}

/// One world of those who gave up is kept: it goes along and is not asked.
void Worlds::give_up_if_too_many() {
  if (worlds_.size() <= most) return;
  for (Holders bit = 1; bit != 0; bit <<= 1) {
    const auto held = std::ranges::count_if(
        worlds_, [bit](const World& world) { return (world.holders & bit) != 0; });
    if (static_cast<std::size_t>(held) <= most) continue;
    given_up_ |= bit;
    for (std::size_t i = 1; i < worlds_.size(); ++i) worlds_[i].holders &= ~bit;
  }
  std::erase_if(worlds_, [](const World& world) { return world.holders == 0; });
}

json Worlds::take_allowed() {
  if ((given_up_ & 1) != 0) return Allowed::any(too_many);
  if (worlds_.size() == 1) return std::move(worlds_.front().answer);
  std::vector<json> answers;
  for (const World& world : worlds_) {
    if ((world.holders & 1) != 0) answers.push_back(world.answer);
  }
  return Allowed::one_of(std::move(answers));
}

Worlds::Heard Worlds::hear(std::size_t witness, const Step& step, const json& seen,
                           const Profile* profile) {
  const Holders bit = holder(witness);
  if ((given_up_ & bit) != 0) return {std::nullopt, too_many};
  Heard heard;
  std::vector<Finding> findings;
  Holders explaining = 0;
  std::vector<World*> ruled_out;
  for (World& world : worlds_) {
    if ((world.holders & bit) == 0) continue;
    auto finding = judge(step, world.answer, seen, profile);
    if (finding) {
      findings.push_back(std::move(*finding));
      ruled_out.push_back(&world);
      continue;
    }
    explaining |= bit;
    if (heard.not_judged.empty()) heard.not_judged = Allowed(world.answer).why();
  }
  if (explaining == 0) {
    heard.finding = gravest(findings);
    return heard;
  }
  for (World* world : ruled_out) world->holders &= ~bit;
  learn(bit, step, seen);
  if (heard.not_judged.empty()) heard.not_judged = Allowed(seen).why();
  return heard;
}

/// Bits and bytes alone: what else is open in a world, replies and events, moves.
void Worlds::learn(Holders bit, const Step& step, const json& seen) {
  const auto* show = std::get_if<ShowStep>(&step.action);
  if (show == nullptr) return;
  const bool data = show->sight == Sight::data && seen.is_array();
  const bool bits = show->sight == Sight::dirty && seen.is_object() && seen.contains("must");
  if (!data && !bits) return;
  std::vector<World> learnt;
  for (World& world : worlds_) {
    if ((world.holders & bit) == 0 || world.answer == seen) continue;
    std::unique_ptr<Subject> model = copy_of_model(*world.model);
    if (!sim::learn(*model, *show, seen)) continue;
    world.holders &= ~bit;
    learnt.push_back({std::move(model), bit, world.answer});
  }
  std::erase_if(worlds_, [](const World& world) { return world.holders == 0; });
  std::ranges::move(learnt, std::back_inserter(worlds_));
}

std::size_t Worlds::size_for(std::size_t witness) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      worlds_, [&](const World& world) { return (world.holders & holder(witness)) != 0; }));
}

}  // namespace sim
