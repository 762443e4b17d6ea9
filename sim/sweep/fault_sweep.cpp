// SPDX-License-Identifier: MIT
#include "sim/sweep/fault_sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "sim/fuzz/processor_limit.h"
#include "sim/observe.h"
#include "sim/report.h"
#include "sim/sweep/looks.h"

namespace sim::sweep {

using nlohmann::json;

namespace {

/// As the script names it.
std::string script_name(const std::string& path) {
  return path.starts_with('/') ? path.substr(1) : path;
}

std::string mishap_line(const Mishap& mishap, const std::string& step) {
  const char* error = mishap.error == ENOSPC ? " error=ENOSPC" : "";
  return fmt::format("fail at {}{}: {}", mishap.operation, error, step);
}

/// Without `fail at N: `.
std::string without_mishap(const std::string& text) {
  return text.starts_with("fail at ") ? text.substr(text.find(": ") + 2) : text;
}

bool is_refusal(const json& answer) {
  return answer.is_string() ? answer != "" : answer.is_object() && answer.contains("error");
}

/// How the process that met the fault is used when the testcase is over.
std::vector<std::string> use_of(const std::string& device) {
  return {fmt::format("io {} write -P 90 0 512", device),
          fmt::format("io {} write -P 91 64K 1K", device),
          fmt::format("io {} write -z 128K 512", device), fmt::format("io {} flush", device)};
}

}  // namespace

/// One run. Leads engine and model, and looks for something wrong.
class FaultSweep::Trial {
 public:
  Trial(const FaultSweep& sweep, std::size_t step, const Mishap& mishap)
      : steps_(sweep.testcase_.steps),
        struck_step_(step),
        mishap_(mishap),
        follower_(copy_of_model(*sweep.before_[step])),
        images_(sweep.images_[step]) {}

  /// Whether there was such an operation.
  bool meet() {
    for (std::size_t i = 0; i < struck_step_; ++i) {
      observe(*engine_.subject, steps_[i]);
      follower_.note_in_flight(steps_[i]);
    }
    Step step = steps_[struck_step_];
    step.mishap.reset();
    engine_.faults->set_nth(mishap_.operation, mishap_.error);
    const json answer = shown(step);
    const auto struck = engine_.faults->struck();
    engine_.faults->set_nth(0, 0);
    if (!struck) return false;
    operation_ = to_string(struck->operation) + " " + script_name(struck->file);
    changes_ = struck->operation == Operation::write;
    silent_ = !is_refusal(answer);
    if (died_) return true;
    const std::optional<MadeImage> made = image_made_by(step);
    if (made && !silent_) half_made_ = made->file;
    images_.note(step, answer);
    StorageFault fault{struck->operation, mishap_.error};
    follower_.meet(step, answer, script_name(struck->file), fault, *engine_.subject);
    return true;
  }

  /// The rest of the testcase, some use of what is there, the end of the process.
  void go_on() {
    for (std::size_t i = struck_step_ + 1; i < steps_.size() && !wrong_; ++i) do_step(steps_[i]);
    do_line("settle");
    if (wrong_) return;
    const std::vector<std::string> devices = devices_of_engine();
    for (const std::string& device : devices) {
      for (const std::string& line : use_of(device)) do_line(line);
    }
    for (const char* query : {"query-block", "query-named-block-nodes", "query-block-jobs"}) {
      do_line(query);
    }
    follower_.compare_devices(*engine_.subject);
    for (const std::string& device : devices) look_at(device);
    do_line("restart");
    if (!wrong_) look_at_images();
  }

  bool lost() const { return follower_.lost(); }
  bool silent() const { return silent_; }
  bool changes() const { return changes_; }
  const std::string& operation() const { return operation_; }
  const std::vector<std::string>& lines() const { return lines_; }

  struct Wrong {
    Verdict verdict;
    std::optional<Difference> difference;
    std::string text;
  };
  const std::optional<Wrong>& wrong() const { return wrong_; }

 private:
  json shown(const Step& step) {
    try {
      return observe(*engine_.subject, step);
    } catch (const std::exception& error) {
      // Nobody had the image open, but for the fault.
      if (std::holds_alternative<DamageStep>(step.action)) return {{"error", error.what()}};
      died_ = true;
      wrong_ = Wrong{Verdict::engine_died, {}, fmt::format("  the engine: {}\n", error.what())};
    }
    return nullptr;
  }

  /// Whether a job that waits for its finalize keeps what the step needs from going on: in the
  /// story as it was told there is no such job, or it has been finalized.
  bool would_wait(const Step& step) {
    const bool stops = std::holds_alternative<StopStep>(step.action);
    const auto* command = std::get_if<QmpStep>(&step.action);
    const bool of_jobs =
        command != nullptr && command->request.value("execute", json()).is_string() &&
        command->request["execute"].get<std::string>().find("job-") != std::string::npos;
    if (stops || of_jobs) return false;
    const json jobs = engine_.subject->execute({{"execute", "query-jobs"}});
    return std::ranges::any_of(jobs["return"],
                               [](const json& job) { return job["status"] == "pending"; });
  }

  void do_step(Step step) {
    if (wrong_ || would_wait(step)) return;
    step.mishap.reset();  // one fault is enough
    lines_.push_back(script::escaped(without_mishap(step.text)));
    follower_.before(step, *engine_.subject);
    const json answer = shown(step);
    if (wrong_) return;
    const unsigned refused = follower_.refused();
    images_.note(step, answer);
    follower_.follow(step, answer, *engine_.subject);
    const auto* io = std::get_if<IoStep>(&step.action);
    const bool failed = io != nullptr && !io->command.starts_with("aio_") && answer.is_string() &&
                        answer.get_ref<const std::string&>().find(" failed: ") != std::string::npos;
    if (failed && follower_.refused() > refused && !follower_.flush_failed()) {
      wrong_ = Wrong{Verdict::still_fails, {}, "  " + answer.get<std::string>() + "\n"};
    }
  }
  void do_line(const std::string& line) { do_step(step_of(line)); }

  std::vector<std::string> devices_of_engine() {
    std::vector<std::string> devices;
    for (const json& each : engine_.subject->execute({{"execute", "query-block"}})["return"]) {
      if (each.contains("inserted")) devices.push_back(each["device"]);
    }
    return devices;
  }

  void look_at(const std::string& device) {
    if (wrong_) return;
    const std::unique_ptr<Subject> model = follower_.model();
    AnyCase judge;
    std::vector<std::string> lines{"show data " + device, "show bitmaps " + device};
    const json bitmaps = observe(*engine_.subject, step_of(lines.back()));
    for (const json& each : bitmaps) {
      lines.push_back("show dirty " + device + " " + each["name"].get<std::string>());
    }
    for (const std::string& line : lines) {
      const Step step = step_of(line);
      Shown ours{"model", observe(*model, step), {}, {}, {}};
      Shown theirs{"engine", shown(step), {}, {}, {}};
      lines_.push_back(line);
      if (wrong_) return;
      theirs.finding = judge(step, ours.observation, theirs.observation);
      if (theirs.finding) return differ({step, {ours, theirs}});
    }
  }

  void look_at_images() {
    const std::unique_ptr<Subject> model = follower_.model();
    const Looks looks(images_.all(), half_made_, *model);
    const auto fault = looks.find_fault(*engine_.subject, AnyCase());
    if (!fault) return;
    for (const std::string& line : looks.lines(fault->look)) lines_.push_back(line);
    differ(fault->difference);
  }

  void differ(const Difference& difference) {
    wrong_ = Wrong{verdict_on(difference), difference, {}};
  }

  const std::vector<Step>& steps_;
  std::size_t struck_step_;
  Mishap mishap_;
  FaultyEngine engine_ = make_faulty_engine();
  Follower follower_;
  MadeImages images_;
  std::string half_made_;
  std::string operation_;
  bool changes_ = false, silent_ = false, died_ = false;
  std::vector<std::string> lines_;
  std::optional<Wrong> wrong_;
};

FaultSweep::FaultSweep(const Scenario& scenario, const Scenario::Testcase& testcase,
                       std::uint64_t first, Announce announce)
    : scenario_(scenario), testcase_(testcase), first_(first), announce_(std::move(announce)) {}

FaultFigures FaultSweep::run() {
  const std::vector<Step>& steps = testcase_.steps;
  figures_.left_out = std::any_of(steps.begin(), steps.end(), [](const Step& step) {
    return std::holds_alternative<FailStep>(step.action);
  });
  if (figures_.left_out) return std::move(figures_);
  run_without_fault();
  const auto own = std::find_if(steps.begin(), steps.end(),
                                [](const Step& step) { return step.mishap.has_value(); });
  if (own != steps.end()) {
    if (next_++ >= first_) try_point(static_cast<std::size_t>(own - steps.begin()), *own->mishap);
    return std::move(figures_);
  }
  for (std::size_t i = 0; i < steps.size(); ++i) try_step(i);
  return std::move(figures_);
}

void FaultSweep::run_without_fault() {
  const std::unique_ptr<Subject> model = make_model_subject();
  const FaultyEngine engine = make_faulty_engine();
  MadeImages images;
  for (Step step : testcase_.steps) {
    step.mishap.reset();
    before_.push_back(copy_of_model(*model));
    images_.push_back(images);
    images.note(step, observe(*model, step));
    engine.faults->set_nth(std::numeric_limits<unsigned>::max(), EIO);
    observe(*engine.subject, step);
    operations_.push_back(engine.faults->counted());
    figures_.operations += operations_.back();
  }
}

void FaultSweep::try_step(std::size_t step) {
  for (unsigned operation = 1; operation <= operations_[step]; ++operation) {
    // Of what a skipped point was about nothing is known; then both errors are tried.
    const bool changes = next_++ < first_ || try_point(step, {operation, EIO});
    if (next_++ >= first_ && changes) try_point(step, {operation, ENOSPC});
  }
}

bool FaultSweep::try_point(std::size_t step, Mishap mishap) {
  const FaultPoint point{next_ - 1, step, mishap};
  announce_(point, figures_);
  Trial trial(*this, step, mishap);
  const fuzz::ProcessorLimit limit(patience);
  if (!trial.meet()) return false;
  ++figures_.faults;
  if (!trial.wrong()) trial.go_on();
  figures_.silent += trial.silent() ? 1 : 0;
  figures_.lost += trial.lost() ? 1 : 0;
  if (!trial.wrong()) return trial.changes();
  ++figures_.failures;
  const auto& wrong = *trial.wrong();
  std::string what = wrong.text;
  if (wrong.difference) {
    what = difference_text(scenario_, testcase_.title, *wrong.difference);
    what.erase(0, what.find('\n') + 1);
  }
  add(finding_at(scenario_, testcase_, point, wrong.verdict, trial.operation(), trial.lines(),
                 what));
  return trial.changes();
}

void FaultSweep::add(Finding finding) {
  const auto same = [&](const Finding& each) { return each.verdict == finding.verdict; };
  if (std::none_of(figures_.findings.begin(), figures_.findings.end(), same)) {
    figures_.findings.push_back(std::move(finding));
  }
}

Finding finding_at(const Scenario& scenario, const Scenario::Testcase& testcase,
                   const FaultPoint& point, Verdict verdict, const std::string& operation,
                   const std::vector<std::string>& lines, const std::string& what) {
  const Step& step = testcase.steps[point.step];
  const std::string line = mishap_line(point.mishap, without_mishap(step.text));
  std::string report = fmt::format("{}:{}: testcase \"{}\": {}\n  {}", scenario.path, step.line,
                                   testcase.title, line, to_string(verdict));
  if (!operation.empty()) report += ", what fails is: " + operation;
  report += "\n";
  if (!lines.empty()) report += "  then " + lines.back() + ":\n";
  report += what;
  std::string story = fmt::format(
      "# Found by sweep --faults in {}, testcase \"{}\".\n# {}: {}\nrefusals allowed\n\n",
      scenario.path, testcase.title, to_string(verdict), operation);
  for (std::size_t i = 0; i < point.step; ++i) {
    story += script::escaped(testcase.steps[i].text) + "\n";
  }
  story += script::escaped(line) + "\n";
  for (const std::string& each : lines) story += each + "\n";
  return {verdict, report, story};
}

json to_json(const FaultFigures& figures) {
  json findings = json::array();
  for (const Finding& each : figures.findings) {
    findings.push_back({static_cast<int>(each.verdict), each.report, each.story});
  }
  return {{"operations", figures.operations}, {"faults", figures.faults},
          {"silent", figures.silent},         {"lost", figures.lost},
          {"failures", figures.failures},     {"left-out", figures.left_out},
          {"findings", std::move(findings)}};
}

FaultFigures fault_figures_of(const json& value) {
  FaultFigures figures{value["operations"], value["faults"],   value["silent"],
                       value["lost"],       value["failures"], value["left-out"]};
  for (const json& each : value["findings"]) {
    figures.findings.push_back({static_cast<Verdict>(each[0].get<int>()), each[1], each[2]});
  }
  return figures;
}

}  // namespace sim::sweep
