// SPDX-License-Identifier: MIT
#include "sim/fuzz/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "sim/fuzz/generator.h"
#include "sim/fuzz/sensible.h"
#include "sim/interrupt.h"
#include "sim/observe.h"
#include "sim/report.h"
#include "sim/script/expand.h"
#include "sim/subjects.h"
#include "sim/sweep/fault_sweep.h"
#include "sim/usage_error.h"

namespace sim::fuzz {

using nlohmann::json;

namespace {

/// One line as a step. Lines come again, in a run and in the next: what they say is kept. The
/// number is for the text of an error alone.
std::shared_ptr<const Step> step_of(const std::string& line, const std::string& title, int number) {
  static constexpr std::size_t most = 4096;
  thread_local std::unordered_map<std::string, std::shared_ptr<const Step>> known;
  auto found = known.find(line);
  if (found == known.end()) {
    const std::string lines_above(static_cast<std::size_t>(number) - 1, '\n');
    const script::Script script = script::parse(lines_above + line, title);
    const std::vector<Step> steps = script::steps(script, script::runs(script, title).front());
    if (steps.empty()) script::fail(title, number, "a step", "'" + line + "'");
    if (known.size() == most) known.clear();
    found = known.emplace(line, std::make_shared<const Step>(steps.front())).first;
  }
  return found->second;
}

/// Lines as the steps of one testcase.
Scenario scenario_of(const Program& program, const std::string& title) {
  Scenario scenario;
  scenario.path = title;
  scenario.name = title;
  scenario.testcases.push_back({title, {}});
  std::vector<Step>& steps = scenario.testcases.front().steps;
  for (const std::string& line : program) {
    const int number = static_cast<int>(steps.size()) + 1;
    steps.push_back(*step_of(line, title, number));
    steps.back().line = number;
  }
  return scenario;
}

/// A model that has done these lines.
std::unique_ptr<Subject> led_through(const Program& program) {
  std::unique_ptr<Subject> model = make_model_subject();
  const Scenario scenario = scenario_of(program, "fuzz");
  for (const Step& step : scenario.testcases.front().steps) observe(*model, step);
  return model;
}

/// Whether there may be other nodes, bitmaps and jobs after it.
bool changes_view(const Step& step) {
  return !std::holds_alternative<ShowStep>(step.action) &&
         !std::holds_alternative<IoStep>(step.action);
}

/// Draws lines and has the model do them, one after the other.
class Drawing {
 public:
  Drawing(std::uint64_t seed, const Profile& profile, Statistics& statistics, const LineSink& sink)
      : generator_(seed, profile),
        model_(make_model_subject()),
        statistics_(statistics),
        sink_(sink) {}

  void draw() {
    take(generator_.next([this]() -> const View& { return view(); }));
  }
  /// What every run ends with: all that is there is looked at, before and after a restart.
  void finish() {
    for (const std::string& line : generator_.repairs()) take(line);
    take("settle");
    observe_all();
    take("restart");
    draw();
    observe_all();
  }
  Program program() { return std::move(program_); }

 private:
  void take(const std::string& line) {
    const std::shared_ptr<const Step> known = step_of(line, "fuzz", 1);
    const Step& step = *known;
    if (!is_sensible(step, *model_)) return;
    storage_fails_ |= std::holds_alternative<FailStep>(step.action);
    const std::optional<json> answer = try_out(step);
    if (!answer) return;
    program_.push_back(line);
    if (sink_) sink_(line);
    statistics_.note(step, *answer);
    view_is_old_ |= changes_view(step);
  }
  const View& view() {
    if (std::exchange(view_is_old_, false)) view_ = look(*model_, view_);
    return view_;
  }
  /// What the model answers. Nothing if it would allow everything from there on: then it is as
  /// before.
  std::optional<json> try_out(const Step& step) {
    // To copy it is dear, and needed only where storage fails.
    std::unique_ptr<Subject> before = storage_fails_ ? copy_of_model(*model_) : nullptr;
    json answer = observe(*model_, step);
    if (!allows_everything(*model_)) return answer;
    model_ = before ? std::move(before) : led_through(program_);
    return std::nullopt;
  }
  void observe_all() {
    const View seen = view();
    for (const View::Node& node : seen.nodes) take("show bitmaps " + node.name);
    for (const View::Bitmap& bitmap : seen.bitmaps) {
      take(fmt::format("show dirty {} {}", bitmap.node, bitmap.name));
    }
    if (!seen.file.empty()) take(fmt::format("show data {}", drive));
  }

  Generator generator_;
  std::unique_ptr<Subject> model_;
  Statistics& statistics_;
  const LineSink& sink_;
  View view_;
  bool view_is_old_ = false;
  Program program_;
  bool storage_fails_ = false;  ///< or has failed
};

bool has_mishap(const Scenario& scenario) {
  return std::ranges::any_of(scenario.testcases.front().steps,
                             [](const Step& step) { return step.mishap.has_value(); });
}

/// The engine alone, judged by what holds in any case after one operation failed.
std::optional<Failure> attempt_with_mishap(const Scenario& scenario, std::size_t steps) {
  const auto nobody_dies = [](const sweep::FaultPoint&, const sweep::FaultFigures&) {};
  const sweep::FaultFigures figures =
      sweep::FaultSweep(scenario, scenario.testcases.front(), 0, nobody_dies).run();
  if (figures.findings.empty()) return std::nullopt;
  const sweep::Finding& finding = figures.findings.front();
  return Failure{steps, "after a fault: " + to_string(finding.verdict), finding.report};
}

/// Whether a line does something that storage may fail in.
bool works_on_storage(const std::string& line) {
  for (const char* none :
       {"create ", "foreign ", "fail ", "kill", "power", "show ", "run ", "schedule ", "settle"}) {
    if (line.starts_with(none)) return false;
  }
  return true;
}

/// One storage operation of one step fails.
void put_in_mishap(Program& program, rc::Random random) {
  const auto below = [&](std::uint64_t bound) { return random.next() % bound; };
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < program.size(); ++i) {
    if (program[i].starts_with("fail ")) return;  // one kind of fault at a time
    if (works_on_storage(program[i])) places.push_back(i);
  }
  if (places.empty()) return;
  std::string& line = program[places[below(places.size())]];
  const std::uint64_t number = 1 + below(below(3) > 0 ? 6 : 40);
  line = fmt::format("fail at {}{}: {}", number, below(3) > 0 ? "" : " error=ENOSPC", line);
}

/// What kind of failure a difference is: two with one signature are taken for the same.
std::string signature_of(const Difference& difference) {
  std::string text = difference.step.text.substr(0, difference.step.text.find(' '));
  for (const Shown& shown : difference.shown) {
    if (shown.breakdown) {
      text += fmt::format("; {} broke: {}", shown.subject, generalised(shown.breakdown->text));
    } else if (shown.finding) {
      text += fmt::format("; {}: {} {}", shown.subject, to_string(shown.finding->fault),
                          generalised(shown.finding->where));
    }
  }
  return text;
}

unsigned hangs_of(const Cast& cast) {
  unsigned hangs = 0;
  for (const std::string& name : cast.subjects) {
    if (const auto program = cast.program(name)) hangs += program->acquaintance->hangs;
  }
  return hangs;
}

}  // namespace

Program generate(std::uint64_t seed, const Profile& profile, unsigned steps, Statistics& statistics,
                 const LineSink& sink) {
  Drawing drawing(seed, profile, statistics, sink);
  try {
    for (unsigned i = 0; i < steps; ++i) drawing.draw();
    drawing.finish();
  } catch (const script::ScriptError&) {
    throw;  // the generator's fault
  } catch (const std::exception&) {
    // The model's: a run of these lines tells it.
  }
  ++statistics.runs;
  Program program = drawing.program();
  rc::Random random(seed);
  if (random.next() % 100 < profile.mishaps) {
    put_in_mishap(program, random);
    statistics.done["fail at"] += 1;
  }
  return program;
}

bool is_sensible(const Program& program, const std::string& title) {
  const Scenario scenario = scenario_of(program, title);
  const std::unique_ptr<Subject> model = make_model_subject();
  try {
    for (Step step : scenario.testcases.front().steps) {
      step.mishap.reset();  // sweep::FaultSweep follows that better than the model does
      if (!is_sensible(step, *model)) return false;
      observe(*model, step);
      if (allows_everything(*model)) return false;
    }
  } catch (const std::exception&) {
    // The model broke: a run of the program tells it.
  }
  return true;
}

std::optional<Failure> attempt(const Program& program, const std::string& title, const Cast& cast,
                               Workspace* workspace) {
  const Scenario scenario = scenario_of(program, title);
  if (has_mishap(scenario)) return attempt_with_mishap(scenario, program.size());
  const unsigned hangs = hangs_of(cast);
  ScenarioResult result;
  try {
    result = run_scenario(scenario, cast, workspace);
  } catch (const UsageError& error) {
    InterruptGuard::check();
    const std::string text = error.what();
    return Failure{program.size(), "cannot go on: " + generalised(text), "  " + text + "\n"};
  }
  const TestcaseResult& testcase = result.testcases.front();
  if (!testcase.difference) return std::nullopt;
  const int line = testcase.difference->step.line;
  const std::size_t steps = line > 0 ? static_cast<std::size_t>(line) : program.size();
  return Failure{steps, signature_of(*testcase.difference),
                 difference_text(scenario, testcase.title, *testcase.difference),
                 hangs_of(cast) > hangs};
}

}  // namespace sim::fuzz
