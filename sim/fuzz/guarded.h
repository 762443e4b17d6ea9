// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>

#include "sim/fuzz/program.h"

namespace sim::fuzz {

class Forked;
struct Campaign;

/// An interrupt came, or the campaign's end: what was being tried is not known.
struct Interrupted {};

/// A failure, as processes tell each other.
nlohmann::json to_json(const Failure& failure);
Failure failure_from(const nlohmann::json& told);

/// How a process that was to do a run came to a bad end, as the failure of that run. Who said why
/// (a broken INVARIANT, a sanitizer) is told apart by it. `steps` as Failure has it.
Failure bad_end_of(const Forked& forked, const std::string& end, std::size_t steps);

/// A run in a process of its own, so that a crash or a hang is a failure like any other. `title`
/// tells its directory from others'. A program that is none does not fail. Throws Interrupted.
std::optional<Failure> guarded_attempt(const Campaign& campaign, const Program& program,
                                       const std::string& title, Workspace* workspace,
                                       std::chrono::seconds limit);

/// The program of a run of a campaign, drawn in a process of its own. If the model crashes over
/// it, it ends with the line that did it.
Program guarded_generate(const Campaign& campaign, std::uint64_t run);

}  // namespace sim::fuzz
