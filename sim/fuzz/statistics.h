// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "sim/step.h"

namespace sim::fuzz {

/// What a campaign reached: how often each kind of step came, and what the model answered. Sums do
/// not depend on the order of the runs.
struct Statistics {
  using Counts = std::map<std::string, std::uint64_t>;

  std::uint64_t runs = 0;
  std::uint64_t steps = 0;
  Counts done;        ///< steps that were carried out, by command or verb ("io write")
  Counts refused;     ///< steps that were refused, likewise
  Counts refusals;    ///< those that the rules list, by Refusal::name()
  Counts unlisted;    ///< texts of others, names and numbers left out
  Counts events;      ///< events that were waited for and came
  Counts job_states;  ///< that queries showed, or refusals told
  Counts not_judged;  ///< steps whose answer may be anything, by the reason
  Counts seen;        ///< what else answers showed: "bounds", "inconsistent", a filter's driver

  /// Counts a step and its answer.
  void note(const Step& step, const nlohmann::json& answer);
  void add(const Statistics& other);
};

/// The counts of that name in JSON: "done", "job-states". Requires that there are such.
const Statistics::Counts& counts_of(const Statistics& statistics, std::string_view name);

nlohmann::json to_json(const Statistics& statistics);
Statistics statistics_from(const nlohmann::json& counted);

/// A text without what differs from run to run: names in quotes are 'X', numbers N.
std::string generalised(const std::string& text);

}  // namespace sim::fuzz
