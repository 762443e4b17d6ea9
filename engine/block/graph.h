// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/block/node.h"

namespace engine::block {

/// What a child is to its parent.
enum class Role {
  file,      ///< the protocol node that holds a format node's bytes
  backing,   ///< read through where the parent has nothing
  filtered,  ///< what a filter passes requests on to
  root,      ///< the top of a device's chain
  job,       ///< a job keeps others from it
  job_io,    ///< a job reads or writes it
  owned      ///< the client made it by name and will delete it
};

/// Someone outside the graph who keeps nodes.
struct Holder {
  enum class Kind { device, job, client };
  Kind kind;
  std::string name;  ///< a device's id (empty: none); a job's type, e.g. "commit"
};

/// Who stands on whom: nodes and their holders, with an edge from each parent to each child. Owns
/// the nodes. A node lives as long as it has parents or is in somebody's hands during a command;
/// unreferenced() names those that nobody holds any more.
class Graph {
 public:
  Graph();
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// Takes a node in, with no parents yet; `storage` belongs to a protocol node, else null.
  Node& add(std::unique_ptr<Node> node, std::unique_ptr<io::Storage> storage);
  /// Drops a node without a parent, and its hold on its children.
  void remove(Node& node);
  /// Takes the lock off a file that nothing stands on, so that others may have it.
  void unlock_unused(Node& file);
  /// Takes a node without a parent out of sight: it is being closed and nobody may find it.
  void hide(Node& node);
  void add_holder(const Holder& holder);
  /// Drops a holder and its hold on its children.
  void remove_holder(const Holder& holder);

  void link(const Node& parent, Role role, Node& child);
  void link(const Holder& parent, Role role, Node& child);
  void unlink(const Holder& parent, const Node& child);
  /// Drops the edge to the backing node, if there is one.
  void unlink_backing(const Node& parent);
  /// Has every device that stands on `from` stand on `to`; answers which.
  std::vector<const Holder*> move_roots(Node& from, Node& to);

  /// Null if there is none.
  Node* find(const std::string& name) const;
  /// What shows through a node: its backing, or what a filter stands on.
  Node* backing(const Node& node) const;
  Node* file(const Node& node) const;
  /// The protocol node below `node`, or `node` itself, and its file.
  Node& protocol(Node& node) const;
  io::Storage& storage(const Node& node) const;

  /// From `top` along the backing links to the bottom.
  std::vector<Node*> chain(Node& top) const;
  /// Whether `node` is `top` or below it.
  bool in_chain(Node& top, const Node& node) const;
  /// Everyone connected with `node`, whichever way, itself included.
  std::vector<Node*> connected(const Node& node) const;
  /// Whether nobody but devices and the client stands on `node`.
  bool is_root(const Node& node) const;
  /// Whether a device stands on `node`, or a job reads or writes it.
  bool has_user(const Node& node) const;
  /// Whether has_user holds for `node` or for any node above it.
  bool has_user_above(const Node& node) const;
  /// Whether anybody holds `node` in that role.
  bool is_held(const Node& node, Role role) const;
  /// How many hold `node`.
  std::size_t parent_count(const Node& node) const;
  /// The node that has `node` as its backing file; null if none.
  Node* overlay(const Node& node) const;
  /// What the overlay was called when it came to stand on `node`; empty if there is none.
  std::string overlay_name(const Node& node) const;
  /// The image that has `node` as its file; null if none, and for what shares it, as raw does.
  const Node* image_over(const Node& node) const;
  /// The named holder of that kind that stands on `node`; null if none.
  const Holder* holder(const Node& node, Holder::Kind kind) const;

  /// The holders that are devices, those without a name included, oldest first.
  std::vector<const Holder*> devices() const;
  /// All nodes that are not hidden, newest first.
  std::vector<Node*> nodes() const;
  /// A node without parents; null if there is none.
  Node* unreferenced() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace engine::block
