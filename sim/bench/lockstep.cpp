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

/// One run of the seed's steps. Throws SubjectFailure if the subjects differ.
void run_steps(std::uint64_t seed, const std::vector<Subject*>& subjects) {
  RandomSteps steps(seed, Restarts::now_and_then);
  Lockstep lockstep(subjects);
  for (unsigned i = 0; i < steps_of_a_run; ++i) {
    if (lockstep.step(steps.next())) {
      throw SubjectFailure(fmt::format("seed {}, step {}: the subjects differ", seed, i));
    }
  }
}

double our_run_seconds() {
  return seconds_of([] {
    for (unsigned seed = 0; seed < our_runs; ++seed) {
      const auto model = make_model_subject();
      const auto engine = make_engine_subject(StorageKind::sim, {}, Timing::instant);
      run_steps(seed, {model.get(), engine.get()});
    }
  });
}

/// The same steps with the model beside a real QEMU; fewer runs, counted as if they were as many.
double qemu_run_seconds(const Setting& setting) {
  const double seconds = seconds_of([&] {
    for (unsigned seed = 0; seed < qemu_runs; ++seed) {
      const TemporaryDirectory directory(setting.workspace.path());
      const auto model = make_model_subject();
      const auto qemu = make_qemu_subject(QmpProgram::qemu(setting.qemu, QmpProgram::usual_limit),
                                          directory.path());
      run_steps(seed, {model.get(), qemu.get()});
    }
  });
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
