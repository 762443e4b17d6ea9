// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "engine/block/layer.h"
#include "engine/job/commit_job.h"

namespace engine::job {

/// The arguments of block-commit that name nodes; those not given are absent.
struct CommitArguments {
  std::string device;
  std::optional<std::string> top_node;
  std::optional<std::string> top;
  std::optional<std::string> base_node;
  std::optional<std::string> base;
  std::optional<std::string> backing_file;
};

/// Finds what to commit into what, with QEMU's checks in QEMU's order (S70-S73, S80). Throws
/// Refusal; a top that is not the active layer is refused in words of our own, until the
/// intermediate commit exists.
CommitPlan plan_commit(block::Layer& layer, const CommitArguments& arguments);

}  // namespace engine::job
