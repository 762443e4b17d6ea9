// SPDX-License-Identifier: MIT
#include "sim/runner.h"

#include <algorithm>
#include <memory>

#include "sim/ensure.h"
#include "sim/interrupt.h"
#include "sim/made_images.h"
#include "sim/qemu_supply.h"
#include "sim/usage_error.h"
#include "sim/workspace.h"

namespace sim {

using nlohmann::json;

namespace {

/// One testcase on its subjects.
class TestcaseRun {
 public:
  TestcaseRun(const std::string& path, std::vector<std::unique_ptr<Subject>> subjects,
              const std::vector<KnownFault>& known, Transcribed transcribed)
      : path_(path),
        subjects_(std::move(subjects)),
        lockstep_(pointers(), &known),
        answers_(transcribed == Transcribed::answered && !subjects_.empty()) {}

  TestcaseResult run(const Scenario::Testcase& testcase, Transcript& transcript) {
    transcript.title(testcase.title);
    const bool faulty =
        std::any_of(testcase.steps.begin(), testcase.steps.end(), [](const Step& step) {
          return step.mishap || std::holds_alternative<FailStep>(step.action);
        });
    for (const auto& subject : subjects_) {
      if (faulty) subject->expect_faults();
    }
    std::optional<Difference> difference = do_steps(testcase, transcript);
    return {testcase.title,         std::move(difference),  lockstep_.sightings(),
            lockstep_.departures(), lockstep_.not_judged(), std::move(mistakes_)};
  }

 private:
  std::optional<Difference> do_steps(const Scenario::Testcase& testcase, Transcript& transcript) {
    for (const Step& step : testcase.steps) {
      InterruptGuard::check();
      if (auto difference = do_step(step)) return difference;
      if (auto mistake = mistake_in(step, lockstep_.allowed())) {
        mistakes_.push_back(std::move(*mistake));
      }
      transcript.step(step, answers_ ? lockstep_.answer(step, 0) : lockstep_.allowed());
      images_.note(step, lockstep_.allowed());
    }
    return finish();
  }

  /// What ends the run is told with its place.
  std::optional<Difference> do_step(const Step& step) {
    try {
      return lockstep_.step(step);
    } catch (const UsageError& error) {
      InterruptGuard::check();
      const std::string line = step.line > 0 ? ":" + std::to_string(step.line) : "";
      throw UsageError(path_ + line + ": " + step.text + ": " + error.what());
    }
  }

  std::vector<Subject*> pointers() const {
    std::vector<Subject*> result;
    for (const auto& subject : subjects_) result.push_back(subject.get());
    return result;
  }

  std::optional<Difference> finish() {
    const Step quit{0, "the end: quit", StopStep{Stop::clean}};
    if (auto difference = do_step(quit)) return difference;
    for (const auto& [file, format, foreign] : images_.all()) {
      if (format != "qcow2") continue;
      if (auto difference = look_at(Sight::check, "check", file)) return difference;
      if (!foreign) continue;
      if (auto difference = look_at(Sight::keepsakes, "keepsakes of", file)) return difference;
    }
    return std::nullopt;
  }

  std::optional<Difference> look_at(Sight sight, const std::string& what, const std::string& file) {
    return do_step({0, "the end: " + what + " " + file, ShowStep{sight, file, {}, file}});
  }

  std::string path_;
  std::vector<std::unique_ptr<Subject>> subjects_;
  Lockstep lockstep_;
  bool answers_;
  MadeImages images_;
  std::vector<Mistake> mistakes_;
};

/// Whether the power fails in one of the steps.
bool cuts_power(const Scenario::Testcase& testcase) {
  return std::any_of(testcase.steps.begin(), testcase.steps.end(), [](const Step& step) {
    const auto* stop = std::get_if<StopStep>(&step.action);
    return (stop != nullptr && stop->how == Stop::power) ||
           (step.cut && step.cut->how == Stop::power);
  });
}

std::unique_ptr<Subject> make_subject(const std::string& name, const Cast& cast,
                                      const Scenario& scenario, const Scenario::Testcase& testcase,
                                      Workspace* workspace) {
  const auto place = [&] {
    ENSURE(workspace != nullptr);
    return workspace->place(name, scenario.name, testcase.title);
  };
  if (const std::optional<QmpProgram> program = cast.program(name)) {
    return make_qemu_subject(*program, place(), name == "qemu" ? cast.supply.get() : nullptr);
  }
  ENSURE(name == "engine");
  const bool files = cast.storage == StorageKind::files;
  const Journal journal = cuts_power(testcase) ? Journal::on : Journal::off;
  return make_engine_subject(cast.storage, files ? place() : "", cast.timing, journal);
}

/// Whether it is no use to wait for that program any more.
bool is_left_out(const std::string& name, const Cast& cast) {
  const std::optional<QmpProgram> program = cast.program(name);
  return program && program->acquaintance->hangs_too_often();
}

}  // namespace

QmpProgram Cast::qemu_program() const {
  QmpProgram program = QmpProgram::qemu(qemu, limit);
  program.img = qemu_img;
  program.acquaintance = qemu_seen;
  return program;
}

std::optional<QmpProgram> Cast::program(const std::string& subject) const {
  if (subject == "qemu") return qemu_program();
  const auto found = programs.find(subject);
  return found == programs.end() ? std::nullopt : std::optional(found->second);
}

bool Cast::needs_files() const {
  const bool engine_needs = storage == StorageKind::files;
  return std::any_of(subjects.begin(), subjects.end(), [&](const std::string& name) {
    return name != "model" && (name != "engine" || engine_needs);
  });
}

bool Cast::one_at_a_time() const {
  return std::any_of(programs.begin(), programs.end(),
                     [](const auto& each) { return !each.second.started_by_us(); });
}

bool ScenarioResult::agreed() const {
  return std::none_of(testcases.begin(), testcases.end(),
                      [](const TestcaseResult& each) { return each.difference.has_value(); });
}

bool TestcaseResult::broke_its_word() const {
  return std::ranges::any_of(mistakes, &Mistake::is_broken_word);
}

std::size_t ScenarioResult::unasked_refusals() const {
  std::size_t count = 0;
  for (const TestcaseResult& each : testcases) count += each.mistakes.size();
  return count - broken_words();
}

std::size_t ScenarioResult::broken_words() const {
  std::size_t count = 0;
  for (const TestcaseResult& each : testcases) {
    count +=
        static_cast<std::size_t>(std::ranges::count_if(each.mistakes, &Mistake::is_broken_word));
  }
  return count;
}

ScenarioResult run_scenario(const Scenario& scenario, const Cast& cast, Workspace* workspace,
                            Transcribed transcribed) {
  ScenarioResult result;
  for (const Scenario::Testcase& testcase : scenario.testcases) {
    std::vector<std::unique_ptr<Subject>> subjects;
    std::vector<std::string> absent;
    for (const std::string& name : cast.subjects) {
      if (is_left_out(name, cast)) {
        absent.push_back(name);
      } else if (name != "model") {
        subjects.push_back(make_subject(name, cast, scenario, testcase, workspace));
      }
    }
    TestcaseRun run(scenario.path, std::move(subjects), cast.known, transcribed);
    result.testcases.push_back(run.run(testcase, result.transcript));
    result.testcases.back().absent = std::move(absent);
  }
  return result;
}

}  // namespace sim
