// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "engine/block/layer.h"

namespace engine::job {

/// The arguments of block-commit that name nodes and files; those not given are absent.
struct CommitArguments {
  std::string device;
  std::optional<std::string> top_node;
  std::optional<std::string> top;
  std::optional<std::string> base_node;
  std::optional<std::string> base;
  std::optional<std::string> backing_file;
  std::optional<std::string> filter_node_name;
};

/// What a commit works on.
struct CommitPlan {
  block::Node* active;  ///< a root
  block::Node* top;     ///< the active layer, or below it
  block::Node* base;    ///< below the top
  /// What the header of the overlay above the top will name; none: the base's file.
  std::optional<std::string> backing_file;
  std::optional<std::string> filter_name;

  bool is_active() const { return top == active; }
};

/// Finds what to commit into what, with QEMU's checks in QEMU's order (S70-S73, S80). Throws
/// Refusal.
CommitPlan plan_commit(block::Layer& layer, const CommitArguments& arguments);

}  // namespace engine::job
