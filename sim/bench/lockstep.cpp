// SPDX-License-Identifier: MIT
#include "sim/lockstep.h"

#include <fmt/format.h>

#include "sim/bench/contests.h"
#include "sim/bench/random_steps.h"
#include "sim/subjects.h"

namespace sim::bench {
namespace {

constexpr unsigned steps_of_a_run = 200;
constexpr unsigned our_runs = 50;
constexpr unsigned qemu_runs = 2;

/// The steps of a run. They are drawn before the clock starts: it measures those who do them.
std::vector<Step> steps_of(std::uint64_t seed) {
  RandomSteps random(seed, Restarts::now_and_then);
  std::vector<Step> steps;
  steps.reserve(steps_of_a_run);
  while (steps.size() < steps_of_a_run) steps.push_back(random.next());
  return steps;
}

/// Throws SubjectFailure if the subjects differ.
void run_steps(const std::vector<Step>& steps, const std::vector<Subject*>& witnesses) {
  Lockstep lockstep(witnesses);
  for (const Step& step : steps) {
    if (lockstep.step(step)) {
      throw SubjectFailure(fmt::format("step {}: the subjects differ", &step - steps.data()));
    }
  }
}

double our_run_seconds() {
  double seconds = 0;
  for (unsigned seed = 0; seed < our_runs; ++seed) {
    const std::vector<Step> steps = steps_of(seed);
    seconds += seconds_of([&] {
      const auto engine = make_engine_subject(StorageKind::sim, {}, Timing::instant);
      run_steps(steps, {engine.get()});
    });
  }
  return seconds;
}

/// The same steps with the model beside a real QEMU; fewer runs, counted as if they were as many.
double qemu_run_seconds(const Setting& setting) {
  double seconds = 0;
  for (unsigned seed = 0; seed < qemu_runs; ++seed) {
    const std::vector<Step> steps = steps_of(seed);
    seconds += seconds_of([&] {
      const TemporaryDirectory directory(setting.workspace.path());
      const auto qemu = make_qemu_subject(QmpProgram::qemu(setting.qemu, QmpProgram::usual_limit),
                                          directory.path());
      run_steps(steps, {qemu.get()});
    });
  }
  return seconds * our_runs / qemu_runs;
}

}  // namespace

Contest lockstep_contest(const Setting& setting) {
  return {"lockstep",
          "random steps, with the model alongside",
          "step",
          our_runs * steps_of_a_run,
          100,
          our_run_seconds,
          [=] { return qemu_run_seconds(setting); }};
}

}  // namespace sim::bench
