// SPDX-License-Identifier: MIT
#include "sim/mistake.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/allowed.h"
#include "sim/json_text.h"

namespace sim {

using nlohmann::json;

namespace {

enum class Answer { done, refused, either };

/// Refused is what answers with an error, or guest I/O that says anything.
Answer answer_of(const Allowed& allowed, bool is_io) {
  if (allowed.anything()) return Answer::either;
  if (allowed.kind() == Allowed::Kind::one_of) {
    const std::vector<Allowed> all = allowed.alternatives();
    const Answer first = answer_of(all.front(), is_io);
    const bool same = std::ranges::all_of(
        all, [&](const Allowed& each) { return answer_of(each, is_io) == first; });
    return same ? first : Answer::either;
  }
  const json& answer = allowed.said();
  if (answer.is_string()) return is_io && answer != "" ? Answer::refused : Answer::done;
  return answer.is_object() && answer.contains("error") ? Answer::refused : Answer::done;
}

/// Why it is refused, in its first line.
std::string reason_in(const Allowed& allowed) {
  if (allowed.kind() == Allowed::Kind::one_of) return reason_in(allowed.alternatives().front());
  const json& answer = allowed.said();
  const std::string text =
      plain_text(answer.is_object() ? answer["error"].value("desc", json("")) : answer);
  return text.substr(0, text.find('\n'));
}

/// Whether the step has an answer that can be a refusal.
bool can_be_refused(const Step& step) {
  const Action& action = step.action;
  return !step.cut && !step.mishap &&
         (std::holds_alternative<QmpStep>(action) || std::holds_alternative<CreateStep>(action) ||
          std::holds_alternative<DriveStep>(action) || std::holds_alternative<UnplugStep>(action) ||
          std::holds_alternative<IoStep>(action) || std::holds_alternative<DamageStep>(action) ||
          std::holds_alternative<ForeignStep>(action) || std::holds_alternative<ShowStep>(action));
}

}  // namespace

std::string Mistake::hint() const {
  return is_broken_word() ? "'perhaps refused: …' where that differs from run to run"
                          : "'refused: …' in front of it, if the story wants that";
}

std::optional<Mistake> mistake_in(const Step& step, const json& said) {
  if (step.refusal == Refusal::possible || !can_be_refused(step)) return std::nullopt;
  const Allowed allowed(said);
  const Answer answer = answer_of(allowed, std::holds_alternative<IoStep>(step.action));
  const bool wanted = step.refusal == Refusal::wanted;
  if (answer == Answer::refused && !wanted) {
    return Mistake{step, "is refused by all: " + reason_in(allowed)};
  }
  if (answer == Answer::done && wanted) return Mistake{step, "is to be refused, and is not"};
  return std::nullopt;
}

}  // namespace sim
