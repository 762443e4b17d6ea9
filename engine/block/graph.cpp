// SPDX-License-Identifier: MIT
#include "engine/block/graph.h"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <map>
#include <set>

#include "engine/check.h"

namespace engine::block {
namespace {

/// A node or a holder.
struct Member {
  std::unique_ptr<io::Storage> storage;  ///< outlives the node, which is declared after it
  std::unique_ptr<Node> node;
  const Holder* holder = nullptr;
};
struct Hold {
  Role role;
  std::string parent_name;  ///< of an overlay, as it was called then
};

using Boost =
    boost::adjacency_list<boost::listS, boost::listS, boost::bidirectionalS, Member, Hold>;
using Vertex = boost::graph_traits<Boost>::vertex_descriptor;

}  // namespace

struct Graph::Impl {
  Vertex vertex(const void* member) const {
    const auto found = vertices.find(member);
    INVARIANT(found != vertices.end());
    return found->second;
  }
  Node* child(const void* parent, Role role) const {
    for (const auto edge : boost::make_iterator_range(boost::out_edges(vertex(parent), graph))) {
      if (graph[edge].role == role) return graph[boost::target(edge, graph)].node.get();
    }
    return nullptr;
  }
  void drop(const void* member) {
    const Vertex gone = vertex(member);
    INVARIANT(boost::in_degree(gone, graph) == 0);
    // Its data of its own still reads through its children: it goes first, they may follow.
    boost::clear_vertex(gone, graph);
    vertices.erase(member);
    boost::remove_vertex(gone, graph);
  }
  template <class Visit>
  void each_parent(const Node& node, Visit visit) const {
    for (const auto edge : boost::make_iterator_range(boost::in_edges(vertex(&node), graph))) {
      visit(graph[boost::source(edge, graph)], graph[edge]);
    }
  }
  template <class Counts>
  std::size_t count_parents(const Node& node, Counts counts) const {
    std::size_t count = 0;
    each_parent(node, [&](const Member&, const Hold& hold) { count += counts(hold.role) ? 1 : 0; });
    return count;
  }

  Boost graph;
  std::map<const void*, Vertex> vertices;  // looked up only: its order is that of addresses
  std::vector<Node*> newest_first;
  std::vector<Node*> hidden;
};

Graph::Graph() : impl_(std::make_unique<Impl>()) {}

Graph::~Graph() {
  // Overlays before what they stand on: a driver must not outlive the file that it works on.
  while (!impl_->hidden.empty()) remove(*impl_->hidden.back());
  while (Node* node = unreferenced()) remove(*node);
  INVARIANT(impl_->newest_first.empty());
}

Node& Graph::add(std::unique_ptr<Node> node, std::unique_ptr<io::Storage> storage) {
  Node& added = *node;
  const Vertex vertex = boost::add_vertex(impl_->graph);
  impl_->graph[vertex].storage = std::move(storage);
  impl_->graph[vertex].node = std::move(node);
  impl_->vertices.emplace(&added, vertex);
  impl_->newest_first.insert(impl_->newest_first.begin(), &added);
  return added;
}

void Graph::remove(Node& node) {
  Node* below = file(node);
  std::erase(impl_->newest_first, &node);
  std::erase(impl_->hidden, &node);
  impl_->drop(&node);
  if (below != nullptr) unlock_unused(*below);
}

void Graph::unlock_unused(Node& file) {
  if (!is_held(file, Role::file)) storage(file).set_locking(io::Locking::off);
}

void Graph::hide(Node& node) {
  std::erase(impl_->newest_first, &node);
  impl_->hidden.push_back(&node);
}

void Graph::add_holder(const Holder& holder) {
  const Vertex vertex = boost::add_vertex(impl_->graph);
  impl_->graph[vertex].holder = &holder;
  impl_->vertices.emplace(&holder, vertex);
}

void Graph::remove_holder(const Holder& holder) { impl_->drop(&holder); }

void Graph::link(const Node& parent, Role role, Node& child) {
  Hold hold{role, {}};
  if (role == Role::backing) {
    const Holder* device = holder(parent, Holder::Kind::device);
    hold.parent_name = device != nullptr ? device->name : parent.name();
  }
  boost::add_edge(impl_->vertex(&parent), impl_->vertex(&child), hold, impl_->graph);
}

void Graph::link(const Holder& parent, Role role, Node& child) {
  boost::add_edge(impl_->vertex(&parent), impl_->vertex(&child), Hold{role, {}}, impl_->graph);
}

void Graph::unlink(const Holder& parent, const Node& child) {
  boost::remove_edge(impl_->vertex(&parent), impl_->vertex(&child), impl_->graph);
}

void Graph::unlink_backing(const Node& parent) {
  boost::remove_out_edge_if(
      impl_->vertex(&parent),
      [&](const auto& edge) { return impl_->graph[edge].role == Role::backing; }, impl_->graph);
}

std::vector<const Holder*> Graph::move_roots(Node& from, Node& to) {
  std::vector<const Holder*> moved;
  impl_->each_parent(from, [&](const Member& parent, const Hold& hold) {
    if (hold.role == Role::root) moved.push_back(parent.holder);
  });
  for (const Holder* holder : moved) {
    unlink(*holder, from);
    link(*holder, Role::root, to);
  }
  return moved;
}

Node* Graph::find(const std::string& name) const {
  const auto found = std::ranges::find(impl_->newest_first, name, &Node::name);
  return found != impl_->newest_first.end() ? *found : nullptr;
}

Node* Graph::backing(const Node& node) const {
  const bool filters = node.driver().filtered() != nullptr;
  return impl_->child(&node, filters ? Role::filtered : Role::backing);
}

Node* Graph::file(const Node& node) const { return impl_->child(&node, Role::file); }

Node& Graph::protocol(Node& node) const {
  Node* below = file(node);
  return below != nullptr ? *below : node;
}

io::Storage& Graph::storage(const Node& node) const {
  const Node* below = file(node);
  const Member& member = impl_->graph[impl_->vertex(below != nullptr ? below : &node)];
  INVARIANT(member.storage != nullptr);
  return *member.storage;
}

std::vector<Node*> Graph::chain(Node& top) const {
  std::vector<Node*> nodes;
  for (Node* node = &top; node != nullptr; node = backing(*node)) nodes.push_back(node);
  return nodes;
}

bool Graph::in_chain(Node& top, const Node& node) const {
  const std::vector<Node*> nodes = chain(top);
  return std::ranges::find(nodes, &node) != nodes.end();
}

std::vector<Node*> Graph::connected(const Node& node) const {
  std::set<Vertex> seen;
  std::vector<Vertex> to_visit{impl_->vertex(&node)};
  while (!to_visit.empty()) {
    const Vertex vertex = to_visit.back();
    to_visit.pop_back();
    if (!seen.insert(vertex).second) continue;
    for (const auto edge : boost::make_iterator_range(boost::out_edges(vertex, impl_->graph))) {
      to_visit.push_back(boost::target(edge, impl_->graph));
    }
    for (const auto edge : boost::make_iterator_range(boost::in_edges(vertex, impl_->graph))) {
      to_visit.push_back(boost::source(edge, impl_->graph));
    }
  }
  std::vector<Node*> nodes;
  std::ranges::copy_if(impl_->newest_first, std::back_inserter(nodes),
                       [&](Node* other) { return seen.contains(impl_->vertex(other)); });
  return nodes;
}

bool Graph::is_root(const Node& node) const {
  const auto stands_in_the_way = [](Role role) {
    return role != Role::root && role != Role::owned;
  };
  return impl_->count_parents(node, stands_in_the_way) == 0;
}

bool Graph::has_user(const Node& node) const {
  return is_held(node, Role::root) || is_held(node, Role::job_io);
}

bool Graph::has_user_above(const Node& node) const {
  bool found = has_user(node);
  impl_->each_parent(node, [&](const Member& parent, const Hold&) {
    if (!found && parent.node != nullptr) found = has_user_above(*parent.node);
  });
  return found;
}

bool Graph::is_held(const Node& node, Role wanted) const {
  return impl_->count_parents(node, [=](Role role) { return role == wanted; }) != 0;
}

std::size_t Graph::parent_count(const Node& node) const {
  return impl_->count_parents(node, [](Role) { return true; });
}

Node* Graph::overlay(const Node& node) const {
  Node* found = nullptr;
  impl_->each_parent(node, [&](const Member& parent, const Hold& hold) {
    if (hold.role == Role::backing && found == nullptr) found = parent.node.get();
  });
  return found;
}

std::string Graph::overlay_name(const Node& node) const {
  std::string found;
  impl_->each_parent(node, [&](const Member&, const Hold& hold) {
    // The newest comes last.
    if (hold.role == Role::backing) found = hold.parent_name;
  });
  return found;
}

const Node* Graph::image_over(const Node& node) const {
  const Node* found = nullptr;
  impl_->each_parent(node, [&](const Member& parent, const Hold& hold) {
    if (hold.role == Role::file && parent.node->driver().image() != nullptr)
      found = parent.node.get();
  });
  return found;
}

const Holder* Graph::holder(const Node& node, Holder::Kind kind) const {
  const Holder* found = nullptr;
  impl_->each_parent(node, [&](const Member& parent, const Hold&) {
    const Holder* holder = parent.holder;
    if (holder == nullptr || holder->kind != kind || holder->name.empty()) return;
    if (found == nullptr) found = holder;
  });
  return found;
}

std::vector<const Holder*> Graph::devices() const {
  std::vector<const Holder*> found;
  for (const Vertex vertex : boost::make_iterator_range(boost::vertices(impl_->graph))) {
    const Holder* holder = impl_->graph[vertex].holder;
    if (holder != nullptr && holder->kind == Holder::Kind::device) found.push_back(holder);
  }
  return found;
}

std::vector<Node*> Graph::nodes() const { return impl_->newest_first; }

Node* Graph::unreferenced() const {
  const auto found = std::ranges::find_if(impl_->newest_first, [&](const Node* node) {
    return boost::in_degree(impl_->vertex(node), impl_->graph) == 0;
  });
  return found != impl_->newest_first.end() ? *found : nullptr;
}

}  // namespace engine::block
