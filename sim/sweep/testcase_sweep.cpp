// SPDX-License-Identifier: MIT
#include "sim/sweep/testcase_sweep.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/observe.h"
#include "sim/report.h"

namespace sim::sweep {

namespace {

constexpr const char* kinds[] = {"read", "write", "zero", "resize", "flush", "create"};

/// As the script names it.
std::string scripted(const std::string& path) {
  return path.starts_with('/') ? path.substr(1) : path;
}

std::string text_of(const DiskOperation& operation) {
  const std::string kind = kinds[static_cast<std::size_t>(operation.kind)];
  const std::string file = scripted(operation.path);
  if (operation.kind == DiskOperation::Kind::resize) {
    return fmt::format("{} {} to {}", kind, file, operation.offset);
  }
  if (operation.length == 0) return kind + " " + file;
  return fmt::format("{} {} {}+{}", kind, file, operation.offset, operation.length);
}

std::string text_of(const Unflushed& change) {
  if (change.kind == Unflushed::Kind::resize) {
    return fmt::format("resize {} to {}", scripted(change.path), change.offset);
  }
  return fmt::format("{} {} {}+{}", change.kind == Unflushed::Kind::zero ? "zero" : "write",
                     scripted(change.path), change.offset, change.length);
}

bool changes_files(DiskOperation::Kind kind) {
  return kind != DiskOperation::Kind::read && kind != DiskOperation::Kind::flush;
}

/// The changes of which a power cut does not keep all.
std::vector<std::string> lost(const std::vector<Unflushed>& changes, const Kept& kept) {
  std::vector<std::string> texts;
  const std::vector<Fate> fates = kept.fates(changes);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (fates[i].whole) continue;
    const char* how = fates[i].sectors.empty() ? "lost" : "torn";
    texts.push_back(fmt::format("{} {}: {}", how, i + 1, text_of(changes[i])));
  }
  return texts;
}

/// The seed of the samples at one place of a run, whoever runs it.
Depth depth_at(const Depth& depth, std::uint64_t operation) {
  Depth here = depth;
  here.seed = depth.seed * 0x9e3779b97f4a7c15 + operation;
  return here;
}

}  // namespace

Scenario::Testcase with_end(const Scenario::Testcase& testcase) {
  Scenario::Testcase ended = testcase;
  ended.steps.push_back({0, "restart", StopStep{Stop::clean}});
  return ended;
}

TestcaseSweep::TestcaseSweep(const Scenario& scenario, const Scenario::Testcase& testcase,
                             const Depth& depth, Inspector* inspector, Announce announce)
    : scenario_(scenario),
      testcase_(with_end(testcase)),
      depth_(depth),
      inspector_(inspector),
      announce_(std::move(announce)) {}

Sweep TestcaseSweep::run() {
  run_steps();
  if (inspector_ != nullptr) result_.inspected = inspector_->checked();
  return std::move(result_);
}

void TestcaseSweep::run_steps() {
  for (const Step& step : testcase_.steps) {
    if (!do_step(step)) return;
    ++result_.steps;
    CrashPoint point{steps_, std::nullopt, Stop::kill, {}, {}, result_.operations, {}};
    if (!images_.all().empty()) try_states(after(), std::move(point), std::nullopt);
    ++steps_;
  }
}

bool TestcaseSweep::do_step(const Step& step) {
  before_ = copy_of_model(*model_);
  during_.reset();
  operations_ = 0;
  changed_.clear();
  const nlohmann::json allowed = observe(*model_, step);
  Shown model{"model", allowed, {}, {}, {}};
  Shown engine{"engine", {}, {}, {}, {}};
  try {
    engine.observation = observe(*engine_.subject, step);
    engine.finding = judge(step, allowed, engine.observation);
  } catch (const std::exception& error) {
    engine.breakdown = Breakdown{error.what(), {}, {}};
  }
  if (engine.differs()) {
    ++result_.failures;
    const Difference difference{step, {model, engine}};
    add({Verdict::no_crash, difference_text(scenario_, testcase_.title, difference), {}});
    return false;
  }
  images_.note(step, allowed);
  return true;
}

bool TestcaseSweep::about_to(const DiskOperation& operation) {
  ++operations_;
  ++result_.operations;
  if (!changed_.empty() && !images_.all().empty()) {
    CrashPoint point{steps_,
                     Cut{Stop::kill, operations_, {}},
                     Stop::kill,
                     {},
                     text_of(operation),
                     result_.operations,
                     {}};
    try_states(during(), std::move(point), newest());
  }
  changed_ = changes_files(operation.kind) ? operation.path : std::string();
  return true;
}

std::optional<std::size_t> TestcaseSweep::newest() const {
  const std::vector<Unflushed> changes = engine_.disk->unflushed();
  const auto last = std::find_if(changes.rbegin(), changes.rend(),
                                 [&](const Unflushed& each) { return each.path == changed_; });
  if (last == changes.rend()) return std::nullopt;
  return static_cast<std::size_t>(changes.rend() - last - 1);
}

const Looks& TestcaseSweep::during() {
  if (during_) return *during_;
  Step step = testcase_.steps[steps_];
  step.cut = Cut{};
  std::unique_ptr<Subject> model = copy_of_model(*before_);
  observe(*model, step);
  repair(*model);
  const std::optional<MadeImage> made = image_made_by(step);
  return during_.emplace(images_.all(), made ? made->file : "", *model);
}

/// What a crash left is looked at on storage that works.
void TestcaseSweep::repair(Subject& model) const {
  for (const Step& step : testcase_.steps) {
    const auto* fail = std::get_if<FailStep>(&step.action);
    if (fail != nullptr) model.fail_storage(fail->file, std::nullopt);
  }
}

Looks TestcaseSweep::after() const {
  std::unique_ptr<Subject> model = copy_of_model(*model_);
  model->stop(Stop::kill);
  repair(*model);
  return {images_.all(), "", *model};
}

void TestcaseSweep::try_states(const Looks& looks, CrashPoint point,
                               std::optional<std::size_t> newest) {
  result_.unread += looks.unread();
  ++result_.kills;
  try_state(looks, point, engine_.disk->files());
  const std::vector<Unflushed> changes = engine_.disk->unflushed();
  const Depth depth = depth_at(depth_, point.of_run);
  for (const Kept& kept : power_cuts(changes, depth, newest)) {
    point.how = Stop::power;
    point.kept = kept;
    if (point.cut) point.cut = Cut{Stop::power, point.cut->operation, kept};
    point.lost = lost(changes, kept);
    ++result_.power_cuts;
    try_state(looks, point, engine_.disk->after_power_cut(kept));
  }
}

void TestcaseSweep::try_state(const Looks& looks, const CrashPoint& point, DiskFiles files) {
  announce_(point);
  const std::string complaint =
      inspector_ != nullptr ? inspector_->complaint(files) : std::string();
  if (!complaint.empty()) {
    add(finding_at(scenario_, testcase_, point, Verdict::corruption, {}, complaint));
  }
  const std::unique_ptr<Subject> engine = make_engine_subject_on(std::move(files));
  const std::optional<Looks::Fault> fault = looks.find_fault(*engine);
  if (!fault) {
    result_.failures += complaint.empty() ? 0 : 1;
    return;
  }
  ++result_.failures;
  const std::string what = difference_text(scenario_, testcase_.title, fault->difference);
  add(finding_at(scenario_, testcase_, point, verdict_on(fault->difference),
                 looks.lines(fault->look), what.substr(what.find('\n') + 1)));
}

void TestcaseSweep::add(Finding finding) {
  const auto same = [&](const Finding& each) { return each.verdict == finding.verdict; };
  if (std::none_of(result_.findings.begin(), result_.findings.end(), same)) {
    result_.findings.push_back(std::move(finding));
  }
}

}  // namespace sim::sweep
