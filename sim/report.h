// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "sim/runner.h"

namespace sim {

/// A difference for a human: where (FILE:LINE, testcase, step), what is wrong with whom, what each
/// subject showed, and who stands alone against two others. Ends with a line end.
std::string difference_text(const Scenario& scenario, const std::string& testcase,
                            const Difference& difference);

/// A known fault that was seen, in two lines: where, its id and title, how it showed.
std::string sighting_text(const Scenario& scenario, const std::string& testcase,
                          const Sighting& sighting);

/// The steps that do not do what their story wants, and what to write if they should: each once,
/// however many testcases have it. Each ends with an empty line; no text if there are none.
std::string mistakes_text(const Scenario& scenario, const ScenarioResult& result);

/// Who left a testcase, and why; a line.
std::string departure_text(const Scenario& scenario, const std::string& testcase,
                           const Departure& departure);

/// The first of the steps of a testcase that were not judged, and how many there are. Requires at
/// least one.
std::string unjudged_text(const Scenario& scenario, const std::string& testcase,
                          const std::vector<NotJudged>& steps);

/// From which testcase on a subject is left out because it hung too often; a line.
std::string absence_text(const Scenario& scenario, const std::string& testcase,
                         const std::string& subject);

/// Compares a transcript with the golden text. The answer tells the golden's line, the step it
/// belongs to, and both lines; nothing if they are equal to the byte.
std::optional<std::string> golden_difference(const Scenario& scenario, const Transcript& transcript,
                                             const std::string& golden,
                                             const std::vector<std::string>& subjects);

/// "model", "model and engine", "model, engine and qemu".
std::string joined_names(const std::vector<std::string>& names);

}  // namespace sim
