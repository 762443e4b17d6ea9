// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "sim/choice.h"
#include "sim/step.h"

namespace sim::bench {

/// Whether a process may come to its end among the steps.
enum class Restarts { now_and_then, never };

/// Random steps on one small disk: guest writes for the most part, bitmap commands, queries, now
/// and then a snapshot with its commit, or a restart. Some are refused, as in life.
class RandomSteps {
 public:
  RandomSteps(std::uint64_t seed, Restarts restarts);

  /// The next step; the first two make the disk and plug it.
  Step next();

 private:
  void plug(const std::string& file);
  void qmp(const std::string& command, nlohmann::json arguments);
  void plan();
  void write();
  std::string bitmap_name();
  void bitmap_command();
  void snapshot_and_commit();
  void restart();

  SeededChoice choice_;
  Restarts restarts_;
  std::vector<Action> planned_;
  std::string active_;
  unsigned overlays_ = 0;
};

}  // namespace sim::bench
