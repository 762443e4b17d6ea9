// SPDX-License-Identifier: MIT
#include "sim/lockstep.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sim/bench/contests.h"
#include "sim/choice.h"
#include "sim/subjects.h"

namespace sim::bench {
namespace {

using nlohmann::json;

constexpr unsigned steps_of_a_run = 200;
constexpr unsigned our_runs = 50;
constexpr unsigned qemu_runs = 2;

/// Random steps on one small disk: guest writes for the most part, bitmap commands, queries, now
/// and then a snapshot with its commit, or a restart. Some are refused, as in life.
class RandomSteps {
 public:
  explicit RandomSteps(std::uint64_t seed) : choice_(seed) { begin(); }

  /// The next step; the first ones make the disk and plug it.
  Step next() {
    while (planned_.empty()) plan();
    Step step;
    step.action = std::move(planned_.front());
    planned_.erase(planned_.begin());
    return step;
  }

 private:
  static constexpr const char* base = "TEST_DIR/PID-base";

  void begin() {
    planned_.push_back(CreateStep{{{"file", base}, {"size", "4M"}, {"format", "qcow2"}}});
    plug(base);
  }
  void plug(const std::string& file) {
    active_ = file;
    planned_.push_back(DriveStep{{{"id", "drive0"}, {"file", file}, {"format", "qcow2"}}});
  }
  void qmp(const std::string& command, const json& arguments) {
    planned_.push_back(QmpStep{{{"execute", command}, {"arguments", arguments}}});
  }

  void plan() {
    const std::uint64_t dice = choice_.pick(100);
    if (dice < 65) return write();
    if (dice < 93) return bitmap_command();
    if (dice < 97) return qmp("query-block", json::object());
    if (dice < 98) return snapshot_and_commit();
    planned_.push_back(StopStep{Stop::clean});
    plug(active_);
  }
  void write() {
    const std::uint64_t length = 512 * (1 + choice_.pick(32));
    const std::uint64_t offset = 512 * choice_.pick(8192 - 32);
    planned_.push_back(
        IoStep{"drive0", fmt::format("write -P {} {} {}", 1 + choice_.pick(255), offset, length)});
  }
  void bitmap_command() {
    static const std::vector<std::string> plain = {"remove", "clear", "enable", "disable"};
    const std::string name = fmt::format("b{}", choice_.pick(4));
    const std::uint64_t which = choice_.pick(plain.size() + 3);
    json arguments = {{"node", "drive0"}, {"name", name}};
    if (which < plain.size()) return qmp("block-dirty-bitmap-" + plain[which], arguments);
    if (which == plain.size()) {
      return qmp("block-dirty-bitmap-merge", {{"node", "drive0"},
                                              {"target", name},
                                              {"bitmaps", {fmt::format("b{}", choice_.pick(4))}}});
    }
    arguments["persistent"] = choice_.pick(2) == 0;
    arguments["granularity"] = std::uint64_t{512} << choice_.pick(10);
    qmp("block-dirty-bitmap-add", arguments);
  }
  void snapshot_and_commit() {
    const std::string overlay = fmt::format("TEST_DIR/PID-{}", overlays_++);
    qmp("blockdev-snapshot-sync",
        {{"device", "drive0"}, {"snapshot-file", overlay}, {"format", "qcow2"}});
    write();
    qmp("block-commit", {{"device", "drive0"}});
    planned_.push_back(WaitStep{"BLOCK_JOB_READY"});
    qmp("block-job-complete", {{"device", "drive0"}});
    planned_.push_back(WaitStep{"BLOCK_JOB_COMPLETED"});
  }

  SeededChoice choice_;
  std::vector<Action> planned_;
  std::string active_;
  unsigned overlays_ = 0;
};

/// One run of the seed's steps. Throws SubjectFailure if the subjects differ.
void run_steps(std::uint64_t seed, const std::vector<Subject*>& subjects) {
  RandomSteps steps(seed);
  Lockstep lockstep(subjects);
  for (unsigned i = 0; i < steps_of_a_run; ++i) {
    if (lockstep.step(steps.next())) {
      throw SubjectFailure(fmt::format("seed {}, step {}: the subjects differ", seed, i));
    }
  }
}

double our_seconds() {
  return seconds_of([] {
    for (unsigned seed = 0; seed < our_runs; ++seed) {
      const auto model = make_model_subject();
      const auto engine = make_engine_subject(StorageKind::sim, {}, Timing::instant);
      run_steps(seed, {model.get(), engine.get()});
    }
  });
}

/// The same steps with the model beside a real QEMU; fewer runs, counted as if they were as many.
double qemu_seconds(const Setting& setting) {
  const double seconds = seconds_of([&] {
    for (unsigned seed = 0; seed < qemu_runs; ++seed) {
      const Workspace directory(setting.workspace / "");
      const auto model = make_model_subject();
      const auto qemu = make_qemu_subject(QmpProgram::qemu(setting.qemu, QmpProgram::usual_limit),
                                          directory / "");
      run_steps(seed, {model.get(), qemu.get()});
    }
  });
  return seconds * our_runs / qemu_runs;
}

}  // namespace

Contest lockstep_contest(const Setting& setting) {
  return {
      "lockstep",  "random steps, with the model alongside", "step", our_runs * steps_of_a_run, 100,
      our_seconds, [=] { return qemu_seconds(setting); }};
}

}  // namespace sim::bench
