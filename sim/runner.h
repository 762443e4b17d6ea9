// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/ledger.h"
#include "sim/lockstep.h"
#include "sim/mistake.h"
#include "sim/scenario.h"
#include "sim/subjects.h"
#include "sim/transcript.h"

namespace sim {

class Workspace;

/// On what scenarios run.
struct Cast {
  std::vector<std::string> subjects;  ///< "model", "engine", "qemu", or one of `programs`
  StorageKind storage = StorageKind::sim;
  Timing timing = Timing::instant;
  std::string qemu = "qemu-system-x86_64";
  std::chrono::milliseconds limit = QmpProgram::usual_limit;  ///< for each wait for a program
  std::string qemu_img = {};  ///< that makes the images of programs; empty: QmpProgram::qemu_img()
  std::map<std::string, QmpProgram> programs = {};  ///< that take part beside qemu, by name
  std::vector<KnownFault> known = {};               ///< faults that these subjects are said to have
  std::shared_ptr<QemuSupply> supply = {};  ///< of qemu's processes; null: none ahead of need
  std::shared_ptr<Acquaintance> qemu_seen = std::make_shared<Acquaintance>();  ///< so far

  /// The program that plays qemu.
  QmpProgram qemu_program() const;
  /// The program behind a subject; nothing if it is one of our own.
  std::optional<QmpProgram> program(const std::string& subject) const;
  /// Whether a subject needs a directory of real files.
  bool needs_files() const;
  /// Whether scenarios must wait for each other: a program that runs already is there once.
  bool one_at_a_time() const;
};

/// How one testcase went.
struct TestcaseResult {
  std::string title;
  std::optional<Difference> difference;
  std::vector<Sighting> sightings;    ///< known faults
  std::vector<Departure> departures;  ///< who could not go on
  std::vector<NotJudged> not_judged = {};
  std::vector<Mistake> mistakes = {};    ///< what the story does not want
  std::vector<std::string> absent = {};  ///< who was left out, because of too many hangs before

  /// Whether a step is done that its story says is refused.
  bool broke_its_word() const;
};

/// What a transcript shows: what the model allows, or what the first witness answers.
enum class Transcribed { allowed, answered };

/// How a scenario went. A transcript of what the model allows holds for every subject that did not
/// differ; a testcase ends with its first difference.
struct ScenarioResult {
  std::vector<TestcaseResult> testcases;
  Transcript transcript;
  std::chrono::duration<double> took{0};  ///< of real time; told to people alone

  /// Whether no testcase ended with a difference; known faults are none.
  bool agreed() const;
  bool has_mistakes() const { return unasked_refusals() + broken_words() > 0; }
  /// How many steps are refused though their story does not say so.
  std::size_t unasked_refusals() const;
  /// How many steps are done though their story says that they are refused.
  std::size_t broken_words() const;
};

/// Runs every testcase, each with new subjects. The model always goes along as the oracle; at the
/// end the process is quit and every image that was made is checked. `workspace` may be null if
/// the cast needs no files.
ScenarioResult run_scenario(const Scenario& scenario, const Cast& cast, Workspace* workspace,
                            Transcribed transcribed = Transcribed::allowed);

}  // namespace sim
