// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/bench/contests.h"
#include "sim/bench/random_steps.h"
#include "sim/hmp.h"
#include "sim/lockstep.h"
#include "sim/names.h"
#include "sim/subjects.h"

namespace sim::bench {
namespace {

using nlohmann::json;

constexpr std::uint64_t seed = 1;
constexpr unsigned setup_steps = 2;
constexpr unsigned timed_steps = 2'000;

/// What a bare client sends for a step, or which event it waits for; null if there is nothing to
/// do. `shown` is what the model shows in the step.
json plain(const Step& step, const json& shown, const Names& names) {
  if (const auto* command = std::get_if<QmpStep>(&step.action)) {
    return names.to_real(command->request);
  }
  if (const auto* io = std::get_if<IoStep>(&step.action)) {
    return hmp::request(hmp::io_line(io->node, io->command));
  }
  if (const auto* drive = std::get_if<DriveStep>(&step.action)) {
    return hmp::request(hmp::drive_line(names.to_real(drive->options)));
  }
  const auto* wait = std::get_if<WaitStep>(&step.action);
  return wait != nullptr && !shown.is_null() ? json{{"wait", wait->event}} : json();
}

/// The steps of the run for the bare client, which works in `directory`.
json plan_for(const std::string& directory, const QmpProgram& qemu) {
  json plan{{"qemu", qemu.command}, {"setup", json::array()}, {"steps", json::array()}};
  const auto model = make_model_subject();
  Lockstep lockstep({model.get()});
  RandomSteps steps(seed, Restarts::never);
  const Names names(directory);
  for (unsigned i = 0; i < setup_steps + timed_steps; ++i) {
    const Step step = steps.next();
    lockstep.step(step);
    json request = plain(step, lockstep.allowed(), names);
    if (!request.is_null()) plan[i < setup_steps ? "setup" : "steps"].push_back(std::move(request));
  }
  return plan;
}

double bare_seconds(const Setting& setting, const QmpProgram& qemu) {
  const TemporaryDirectory directory(setting.workspace.path());
  make_empty_image(directory / "PID-base", "4M");
  const std::string plan = directory / "plan.json";
  std::ofstream(plan) << plan_for(directory.path(), qemu).dump();
  return std::stod(tool_output({"python3", setting.root + "/sim/bench/bare_client.py", plan}));
}

void run_steps(RandomSteps& steps, unsigned count, Lockstep& lockstep) {
  for (unsigned i = 0; i < count; ++i) {
    if (lockstep.step(steps.next())) {
      throw SubjectFailure(fmt::format("step {}: the subjects differ", i));
    }
  }
}

double lockstep_seconds(const Setting& setting, const QmpProgram& program) {
  const TemporaryDirectory directory(setting.workspace.path());
  const auto model = make_model_subject();
  const auto engine = make_engine_subject(StorageKind::sim, {}, Timing::instant);
  const auto qemu = make_qemu_subject(program, directory.path());
  Lockstep lockstep({model.get(), engine.get(), qemu.get()});
  RandomSteps steps(seed, Restarts::never);
  run_steps(steps, setup_steps, lockstep);
  const double seconds = seconds_of([&] { run_steps(steps, timed_steps, lockstep); });
  qemu->stop(Stop::clean);
  return seconds;
}

}  // namespace

Contest qmp_steps_contest(const Setting& setting) {
  const QmpProgram qemu = QmpProgram::qemu(setting.qemu, QmpProgram::usual_limit);
  return {"qmp-steps",
          "three subjects; a bare QMP client",
          "step",
          timed_steps,
          0.5,
          [=] { return lockstep_seconds(setting, qemu); },
          [=] { return bare_seconds(setting, qemu); }};
}

}  // namespace sim::bench
