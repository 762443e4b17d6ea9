// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/scenario.h"
#include "sim/script/expand.h"

namespace tests {

/// Lines of the scenario language as a scenario of that name.
inline sim::Scenario scenario_of(const std::string& text, const std::string& name = "story") {
  const auto script = sim::script::parse(text, name);
  sim::Scenario scenario;
  scenario.path = scenario.name = name;
  for (const auto& run : sim::script::runs(script, name)) {
    scenario.testcases.push_back({run.title, sim::script::steps(script, run)});
  }
  return scenario;
}

}  // namespace tests
