// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "engine/io/task.h"

namespace engine::block {

class Layer;
class Node;

/// Keeps guests and jobs from starting requests on everything connected with a node, or on all
/// nodes, for as long as it lives or until end(). Nodes may be closed meanwhile.
class DrainedSection {
 public:
  DrainedSection(Layer& layer, const Node& node);
  explicit DrainedSection(Layer& layer);
  DrainedSection(const DrainedSection&) = delete;
  DrainedSection& operator=(const DrainedSection&) = delete;
  ~DrainedSection() { end(); }

  /// Goes on when no request is unfinished any more. To be awaited before anything is changed, with
  /// Layer::changes() held, so that nobody closes a node that is waited for.
  io::Task<void> settle();
  /// Lets requests go on: those of guests that were held count as unfinished again.
  void end();

 private:
  struct Member {
    Node* node;
    std::weak_ptr<const void> life;
  };
  DrainedSection(Layer& layer, const std::vector<Node*>& nodes);

  Layer& layer_;
  std::vector<Member> members_;
};

}  // namespace engine::block
