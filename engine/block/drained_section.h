// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "engine/io/task.h"

namespace engine::block {

class Layer;
class Node;

/// Keeps guests and jobs from starting requests on everything connected with a node, for as long as
/// it lives or until end().
class DrainedSection {
 public:
  DrainedSection(Layer& layer, const Node& node);
  DrainedSection(const DrainedSection&) = delete;
  DrainedSection& operator=(const DrainedSection&) = delete;
  ~DrainedSection() { end(); }

  /// Goes on when no request is unfinished any more. To be awaited before anything is changed.
  io::Task<void> settle();
  /// Lets requests go on. The nodes must exist still.
  void end();

 private:
  std::vector<Node*> nodes_;
};

}  // namespace engine::block
