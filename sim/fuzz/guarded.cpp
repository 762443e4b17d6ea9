// SPDX-License-Identifier: MIT
#include "sim/fuzz/guarded.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/fuzz/campaign.h"
#include "sim/fuzz/forked.h"
#include "sim/fuzz/processor_limit.h"
#include "sim/interrupt.h"
#include "sim/script/script.h"
#include "sim/usage_error.h"

namespace sim::fuzz {

using nlohmann::json;

namespace {

/// Whether a line of last words says what went wrong, and says the same in every process.
bool tells_why(const std::string& line) {
  return line.starts_with("INVARIANT failed") || line.starts_with("ENSURE failed") ||
         line.starts_with("SUMMARY: ") || line.starts_with("  what():") ||
         line.find(": runtime error: ") != std::string::npos;
}

}  // namespace

json to_json(const Failure& failure) {
  return {failure.steps, failure.signature, failure.report, failure.hangs};
}

Failure failure_from(const json& told) { return {told[0], told[1], told[2], told[3]}; }

Failure bad_end_of(const Forked& forked, const std::string& end, std::size_t steps) {
  Failure failure{steps, end, "  a run " + end + "\n"};
  std::istringstream words(forked.last_words());
  for (std::string line; std::getline(words, line);) {
    if (tells_why(line) && failure.signature == end) failure.signature += ": " + generalised(line);
    failure.report += "  | " + line + "\n";
  }
  return failure;
}

std::optional<Failure> guarded_attempt(const Campaign& campaign, const Program& program,
                                       const std::string& title, Workspace* workspace,
                                       std::chrono::seconds limit) {
  const bool late = std::chrono::steady_clock::now() >= campaign.end;
  if (InterruptGuard::came() || late) throw Interrupted{};
  Forked forked([&](const Tell& tell) {
    const ProcessorLimit patience(limit);
    try {
      if (!is_sensible(program, title)) return;
      const auto failure = campaign.attempt(program, title, campaign.cast, workspace);
      if (failure) tell(to_json(*failure));
    } catch (const script::ScriptError&) {
      // A line that shrinking spoilt: no failure.
    }
  });
  std::optional<Failure> failure;
  for (;;) {
    if (!forked.await(campaign.end)) throw Interrupted{};
    const std::vector<json> told = forked.listen();
    if (told.empty()) break;
    failure = failure_from(told[0]);
  }
  if (InterruptGuard::came()) throw Interrupted{};
  if (const auto end = forked.bad_end()) return bad_end_of(forked, *end, program.size());
  return failure;
}

Program guarded_generate(const Campaign& campaign, std::uint64_t run) {
  Forked forked([&](const Tell& tell) {
    const ProcessorLimit patience(campaign.patience);
    Statistics unused;
    // The lines one by one, for it may die of one; then the whole, which may have been changed.
    tell(generate(seed_of_run(campaign.seed, run), campaign.profile, campaign.steps, unused,
                  [&](const std::string& line) { tell(line); }));
  });
  Program program;
  for (std::vector<json> told; !(told = forked.listen()).empty();) {
    for (const json& each : told) {
      if (each.is_array()) return each.get<Program>();
      program.push_back(each.get<std::string>());
    }
  }
  return program;
}

}  // namespace sim::fuzz
