// SPDX-License-Identifier: MIT
#include "sim/mutants/hunt.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/child.h"
#include "sim/usage_error.h"

namespace sim::mutants {

namespace {

using nlohmann::json;
using std::chrono::steady_clock;

constexpr std::chrono::minutes patience{5};
/// Of shrinking: after these what is gained is simpler numbers.
constexpr unsigned most_trials = 600;

/// "engine: under-dirty …" and all that follows of the report of a replay: the same for a failure
/// wherever its scenario lies.
std::string failure_in(const std::string& report, const std::string& line_start) {
  std::istringstream lines(report);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(line_start)) continue;
    line.erase(0, line_start.size());
    if (line.starts_with("  ")) text += line + "\n";
  }
  return text;
}

std::string text_of(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

/// Lines of a scenario that are steps.
std::size_t steps_of(const std::string& scenario) {
  std::istringstream lines(text_of(scenario));
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line[0] != '#' && !line.starts_with("param ")) ++count;
  }
  return count;
}

/// Searches of one kind in one program.
class Hunter {
 public:
  Hunter(const Mutant& mutant, const std::string& program, const Hunt& hunt)
      : mutant_(mutant), program_(program), hunt_(hunt) {}

  Result run() { return mutant_.search.front() == "fuzz" ? fuzz() : other(); }

 private:
  std::vector<std::string> command(const std::vector<std::string>& more) const {
    std::vector<std::string> words{program_};
    for (const std::string& word : mutant_.search) {
      words.push_back(word.starts_with("scenarios/") ? hunt_.root + "/" + word : word);
    }
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  json fuzzed(std::uint64_t seed, const std::vector<std::string>& options) const {
    std::vector<std::string> words{"--seed",
                                   std::to_string(seed),
                                   "--jobs",
                                   "1",
                                   "--json",
                                   "--out",
                                   hunt_.directory + "/" + mutant_.name};
    words.insert(words.end(), options.begin(), options.end());
    const ProgramResult result = run_program(command(words), hunt_.limit + patience);
    const json summary = json::parse(result.output, nullptr, false);
    if (summary.is_discarded()) throw UsageError(program_ + ": " + result.errors);
    return summary;
  }

  /// Of what the seeds find within the time, the shortest; no further than the first short one.
  Result fuzz() const {
    // What was found before would be tried first.
    std::filesystem::remove_all(hunt_.directory + "/" + mutant_.name);
    Result result = search(1, hunt_.limit);
    std::chrono::duration<double> left =
        hunt_.limit - std::chrono::duration<double>(result.seconds);
    for (std::uint64_t seed = 2; result.finding && result.finding->length > most_steps; ++seed) {
      if (left < std::chrono::seconds(1)) break;
      const Result other = search(seed, std::chrono::ceil<std::chrono::seconds>(left));
      left -= std::chrono::duration<double>(other.seconds);
      const bool shorter = other.finding && other.finding->length < result.finding->length;
      if (other.finding) {
        std::filesystem::remove(shorter ? result.finding->scenario : other.finding->scenario);
      }
      if (shorter) result.finding = other.finding;
    }
    return result;
  }

  /// Until the first failure of a seed's runs.
  Result search(std::uint64_t seed, std::chrono::seconds limit) const {
    const auto start = steady_clock::now();
    const json summary =
        fuzzed(seed, {"--until-failure", "--trials", "0", "--time", std::to_string(limit.count())});
    Result result;
    result.seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
    result.steps = summary["statistics"]["steps"];
    const json& failures = summary["failures"];
    if (!failures.empty()) result.finding = shorten(seed, failures[0]["run"], result.steps);
    return result;
  }

  /// The one run that failed, once more and made short.
  Finding shorten(std::uint64_t seed, std::uint64_t run, std::uint64_t steps) const {
    const std::string count = std::to_string(run + 1);
    const json summary = fuzzed(seed, {"--runs", count, "--shard", count + "/" + count, "--or-seen",
                                       "--trials", std::to_string(most_trials)});
    if (summary["failures"].empty()) {
      throw UsageError(mutant_.name + ": run " + std::to_string(run) + " fails only once");
    }
    const json& failure = summary["failures"][0];
    Finding finding;
    finding.steps = steps;
    finding.length = failure["program"].size();
    finding.scenario = failure["file"];
    finding.shown = failure["signature"];
    finding.replayed = replays(finding);
    finding.fault_alone = replay(hunt_.program, finding.scenario).status == 0;
    return finding;
  }

  ProgramResult replay(const std::string& program, const std::string& scenario) const {
    return run_program({program, "replay", "--subject", "model,engine", scenario}, patience);
  }

  /// In the same way: with the same report, or the same silence of a program that dies.
  bool replays(const Finding& finding) const {
    const ProgramResult result = replay(program_, finding.scenario);
    if (finding.shown.starts_with("died of ")) return result.status < 0;
    const std::string told = failure_in(text_of(finding.scenario), "# ");
    return result.status == 1 && !told.empty() && failure_in(result.output, "") == told;
  }

  /// A command that looks at scenarios that there are, and shows by its status that one fails.
  Result other() const {
    const auto start = steady_clock::now();
    const ProgramResult once = run_program(command({}), hunt_.limit + patience);
    Result result;
    result.seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
    if (once.status == 0) return result;
    if (once.status == 2) throw UsageError(program_ + ": " + once.errors);
    const auto words = command({});
    const auto scenario = std::ranges::find_if(
        words, [](const std::string& word) { return word.ends_with(".scenario"); });
    if (scenario == words.end()) throw UsageError(mutant_.name + ": its search names no scenario");
    Finding finding;
    finding.scenario = *scenario;
    finding.length = steps_of(*scenario);
    finding.shown = once.output.substr(0, once.output.find('\n'));
    const ProgramResult again = run_program(words, hunt_.limit + patience);
    finding.replayed = again.status == once.status && again.output == once.output;
    std::vector<std::string> without_fault = words;
    without_fault[0] = hunt_.program;
    finding.fault_alone = run_program(without_fault, hunt_.limit + patience).status == 0;
    result.finding = finding;
    return result;
  }

  const Mutant& mutant_;
  const std::string& program_;
  const Hunt& hunt_;
};

}  // namespace

Result hunt_down(const Mutant& mutant, const std::string& program, const Hunt& hunt) {
  return Hunter(mutant, program, hunt).run();
}

}  // namespace sim::mutants
