// SPDX-License-Identifier: MIT
#include "sim/fuzz/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/fuzz/guarded.h"
#include "sim/fuzz/processor_limit.h"
#include "sim/interrupt.h"
#include "sim/qemu_supply.h"
#include "sim/usage_error.h"
#include "sim/workspace.h"

namespace sim::fuzz {

Worker::Worker(const Campaign& campaign, std::uint64_t number)
    : campaign_(campaign), number_(number), cast_(campaign.cast) {
  if (std::ranges::find(cast_.subjects, "qemu") == cast_.subjects.end()) return;
  cast_.supply = std::make_shared<QemuSupply>(cast_.qemu_program());
}

void Worker::work(std::uint64_t first, std::uint64_t stride,
                  std::chrono::steady_clock::time_point end, const Tell& tell) {
  const InterruptGuard guard;
  const std::unique_ptr<Workspace> workspace = workspace_of(campaign_);
  try {
    for (std::uint64_t run = first; run < campaign_.runs; run += stride) {
      InterruptGuard::check();
      if (std::chrono::steady_clock::now() >= end) return;
      tell({{"start", run}});
      one(run, workspace.get(), tell);
      for (const std::string& name : cast_.subjects) {
        const auto program = cast_.program(name);
        if (program && program->acquaintance->hangs_too_often()) return tell({{"left-out", name}});
      }
    }
  } catch (const UsageError&) {
    // Interrupted: who forked us was too, and knows.
  }
}

void Worker::one(std::uint64_t run, Workspace* workspace, const Tell& tell) {
  const ProcessorLimit patience(campaign_.patience);
  Statistics statistics;
  const Program program =
      generate(seed_of_run(campaign_.seed, run), campaign_.profile, campaign_.steps, statistics);
  tell({{"statistics", to_json(statistics)}});
  const std::string title = fmt::format("fuzz-{}", number_);
  if (const auto failure = campaign_.attempt(program, title, cast_, workspace)) {
    tell({{"failure", to_json(*failure)}});
  }
}

}  // namespace sim::fuzz
