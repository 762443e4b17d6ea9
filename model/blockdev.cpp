// SPDX-License-Identifier: MIT
#include <algorithm>

#include "model/parts.h"

namespace model {

using nlohmann::json;

namespace {

/// Only one image of a file node writes, and then it is the only one; raw ones share all (M42).
void check_sharing(const State& state, const Node& file, const Node& user) {
  if (user.driver == "raw") return;
  if (file.read_only && !user.read_only) throw Refused{"Block node is read-only"};
  for (const auto& [id, other] : state.nodes) {
    if (other.over != file.id || (other.read_only && user.read_only)) continue;
    if (other.driver == "raw") continue;
    const Node &writer = other.read_only ? user : other, &reader = other.read_only ? other : user;
    const std::string as_file = "' (uses node '" + node_name(file) + "' as 'file' child)";
    throw Refused{"Permission conflict on node '" + node_name(file) +
                  "': permissions 'write, resize' are both required by node '" + node_name(writer) +
                  as_file + " and unshared by node '" + node_name(reader) + as_file + "."};
  }
}

/// The file below: a node's name, or options, which make a node to be seen only if they name it.
void choose_file(State& state, Node& node, const json& file) {
  if (file.is_string() || file.contains("node-name")) {
    const Node& below =
        file.is_string() ? node_called(state, file) : open_blockdev(state, file, false);
    check_sharing(state, below, node);
    node.over = below.id;
    node.file = below.file;
  } else {
    node.file = file.value("filename", "");
  }
}

}  // namespace

Node& open_blockdev(State& state, const json& options, bool backs_another) {
  Node node{.name = options.value("node-name", ""), .driver = options.value("driver", "")};
  const json read_only = options.value("read-only", json(backs_another));
  node.read_only = read_only == true || read_only == "on";
  node.unmap = backs_another || options.value("discard", "ignore") == "unmap";
  if (options.contains("node-name") && node.name.empty()) throw Refused{"Invalid node-name: ''"};
  if (node.driver == "file") {
    node.file = options["filename"];
    return open_node(state, std::move(node));
  }
  choose_file(state, node, options["file"]);
  if (node.driver.empty()) node.driver = probed(state, node.file);
  const auto backing = options.find("backing");
  return open_chain(state, std::move(node), backing == options.end() ? nullptr : &*backing);
}

/// M42; what is refused leaves nothing behind.
json blockdev_add(State& state, const json& arguments) {
  if (!arguments.contains("node-name"))
    throw Refused{"'node-name' must be specified for the root node"};
  State after = state;
  open_blockdev(after, arguments, false).added = true;
  state = std::move(after);
  return json::object();
}

/// Whether a device or a job reads or writes it by itself.
bool has_user(const State& state, const Node& node) {
  return !device_name(state, node).empty() || std::ranges::any_of(state.jobs, [&](const Job& job) {
    const bool used = job.base == node.id || (!job.active() && job.top == node.id);
    return used && job.status != Status::concluded;
  });
}

/// M43
std::string delete_node(State& state, const std::string& name) {
  Node* node = find_named(state, name);
  if (!node) throw Refused{"Failed to find node with node-name='" + name + "'"};
  if (has_user(state, *node)) throw Refused{"Node " + name + " is in use"};
  check_not_busy(state, *node);
  if (!node->added) throw Refused{"Node " + name + " is not owned by the monitor"};
  if (used_by_node(state, node->id)) throw Refused{"Block device " + name + " is in use"};
  node->added = false;
  return close_unused(state, node->id);
}

json blockdev_del(State& state, const json& arguments) {
  delete_node(state, arguments["node-name"]);
  return json::object();
}

}  // namespace model
