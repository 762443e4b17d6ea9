// SPDX-License-Identifier: MIT
#include "sim/lockstep.h"

#include <exception>

#include "sim/observe.h"
#include "sim/usage_error.h"

namespace sim {

using nlohmann::json;

namespace {

/// Whatever else a subject throws, it broke: a refusal would have been an answer.
std::string observe_or_fail(Subject& subject, const Step& step, json& seen) {
  try {
    seen = observe(subject, step);
  } catch (const UsageError&) {
    throw;
  } catch (const std::exception& error) {
    const std::string text = error.what();
    return text.empty() ? "unknown error" : text;
  }
  return {};
}

}  // namespace

std::optional<Finding> judge(const Step& step, const json& allowed, const json& seen) {
  if (const auto* show = std::get_if<ShowStep>(&step.action)) {
    if (show->sight == Sight::dirty) return compare_dirty(allowed, seen);
    if (show->sight == Sight::data) return compare_data(allowed, seen);
  }
  return compare(allowed, seen);
}

std::optional<Difference> Lockstep::step(const Step& step) {
  bool agree = true;
  seen_.assign(subjects_.size(), nullptr);
  failures_.assign(subjects_.size(), {});
  std::vector<std::optional<Finding>> findings(subjects_.size());
  for (std::size_t i = 0; i < subjects_.size(); ++i) {
    failures_[i] = observe_or_fail(*subjects_[i], step, seen_[i]);
    if (failures_[i].empty() && failures_[0].empty() && i > 0) {
      findings[i] = judge(step, seen_[0], seen_[i]);
    }
    agree = agree && failures_[i].empty() && !findings[i];
  }
  std::optional<Difference> difference;
  if (!agree) {
    difference.emplace(Difference{step, {}});
    for (std::size_t i = 0; i < subjects_.size(); ++i) {
      difference->shown.push_back({std::string(subjects_[i]->name()), seen_[i],
                                   std::move(failures_[i]), std::move(findings[i])});
    }
  }
  allowed_ = std::move(seen_[0]);
  return difference;
}

}  // namespace sim
