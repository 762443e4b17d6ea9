// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "sim/step.h"

namespace sim::fuzz {

/// What a campaign reached: how often each kind of step came, and what the model answered. Sums do
/// not depend on the order of the runs.
struct Statistics {
  using Counts = std::map<std::string, std::uint64_t>;

  std::uint64_t runs = 0;
  std::uint64_t steps = 0;
  Counts done;        ///< steps that were carried out, by verb or command
  Counts refused;     ///< steps that were refused, likewise
  Counts refusals;    ///< texts of refusals, names and numbers left out
  Counts events;      ///< events that were waited for and came
  Counts job_states;  ///< statuses that queries showed

  /// Counts a step and its answer.
  void note(const Step& step, const nlohmann::json& answer);
  void add(const Statistics& other);
};

nlohmann::json to_json(const Statistics& statistics);
Statistics statistics_from(const nlohmann::json& counted);

/// A text without what differs from run to run: names in quotes are 'X', numbers N.
std::string generalised(const std::string& text);

}  // namespace sim::fuzz
