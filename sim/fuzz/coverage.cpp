// SPDX-License-Identifier: MIT
#include "sim/fuzz/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/fuzz/refusals.h"

namespace sim::fuzz {

using nlohmann::json;

namespace {

constexpr std::pair<Goal::Kind, const char*> kinds[] = {{Goal::Kind::step, "steps"},
                                                        {Goal::Kind::refusal, "refusals"},
                                                        {Goal::Kind::event, "events"},
                                                        {Goal::Kind::job_state, "job-states"},
                                                        {Goal::Kind::rule, "rules"}};

bool rule_reached(const std::string& rule, const Statistics& statistics) {
  const auto by_refusal = [&](const Refusal& each) {
    return each.rule == rule && statistics.refusals.contains(each.name());
  };
  const auto by_sign = [&](const RuleSign& each) {
    return each.rule == rule && counts_of(statistics, each.counts).contains(each.name);
  };
  return std::ranges::any_of(refusals(), by_refusal) || std::ranges::any_of(rule_signs(), by_sign);
}

}  // namespace

bool reached(const Goal& goal, const Statistics& statistics) {
  switch (goal.kind) {
    case Goal::Kind::step:
      return statistics.done.contains(goal.name);
    case Goal::Kind::refusal:
      return statistics.refusals.contains(goal.name);
    case Goal::Kind::event:
      return statistics.events.contains(goal.name);
    case Goal::Kind::job_state:
      return statistics.job_states.contains(goal.name);
    default:
      return rule_reached(goal.name, statistics);
  }
}

Coverage coverage(Goal::Kind kind, const Statistics& statistics) {
  Coverage coverage;
  for (const Goal& goal : goals()) {
    if (goal.kind != kind || !goal.excuse.empty()) continue;
    ++coverage.all;
    if (reached(goal, statistics)) ++coverage.reached;
  }
  return coverage;
}

json coverage_json(const Statistics& statistics) {
  json result;
  for (const auto& [kind, name] : kinds) {
    const Coverage share = coverage(kind, statistics);
    json missed = json::array(), excused = json::object();
    for (const Goal& goal : goals()) {
      if (goal.kind != kind || reached(goal, statistics)) continue;
      if (goal.excuse.empty()) {
        missed.push_back(goal.name);
      } else {
        excused[goal.name] = goal.excuse;
      }
    }
    result[name] = {{"reached", share.reached},
                    {"all", share.all},
                    {"not-reached", std::move(missed)},
                    {"excused", std::move(excused)}};
  }
  return result;
}

std::string coverage_text(const json& coverage) {
  std::string text;
  for (const auto& [kind, name] : kinds) {
    const json& part = coverage.at(name);
    for (const json& each : part["not-reached"]) {
      text += fmt::format("{}: not reached: {}\n", name, each.get<std::string>());
    }
    for (const auto& [each, why] : part["excused"].items()) {
      text += fmt::format("{}: out of reach: {} ({})\n", name, each, why.get<std::string>());
    }
  }
  text += "reached:";
  for (const auto& [kind, name] : kinds) {
    const json& part = coverage.at(name);
    text += fmt::format(" {}/{} {}", part["reached"].get<std::size_t>(),
                        part["all"].get<std::size_t>(), name);
    text += kind == Goal::Kind::rule ? "\n" : ",";
  }
  return text;
}

}  // namespace sim::fuzz
