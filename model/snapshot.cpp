// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include "model/model.h"
#include "model/parts.h"

namespace model {

using nlohmann::json;

namespace {

/// S67: what was active is stored and frozen, the overlay takes its place. Without a device nobody
/// uses it (M44).
void put_on_top(State& state, Node& active, Node& overlay) {
  overlay.below = active.id;
  turn_read_only(state, active);
  for (Device& device : state.devices) {
    if (device.root == active.id) device.root = overlay.id;
  }
  close_unused(state, overlay.id);
}

bool is_in_chain(State& state, Node& root, Node& node) {
  const std::vector<Node*> chain = chain_of(state, root);
  return std::ranges::find(chain, &node) != chain.end();
}

void make_overlay(State& state, const Node& active, const std::string& file,
                  const std::string& format) {
  const json created = create_image(state, {{"file", file},
                                            {"format", format},
                                            {"backing_file", active.file},
                                            {"backing_fmt", active.driver},
                                            {"backing_is_open", true}});
  if (created.contains("error")) throw Refused{created["error"]["desc"]};
  state.files.at(file).backing = shown_file(state, active);
}

/// M29: what mode=existing opens otherwise than as qcow2 locks nothing.
[[noreturn]] void refuse_overlay(State state, Node options) {
  const std::string format = std::exchange(options.driver, "file");
  if (format != "raw" && format != "file") throw Refused{"Unknown driver '" + format + "'"};
  open_node(state, std::move(options));
  throw Refused{"The overlay does not support backing images"};
}

}  // namespace

/// S65…S69, M29
json snapshot_sync(State& state, const json& arguments) {
  wake_commits(state);
  finish_requests(state);
  Node* active = &device_or_node(state, arguments);
  check_not_busy(state, *active);
  require_sound(state, active->file);
  const std::string name = arguments.value("snapshot-node-name", "");
  if (arguments.contains("node-name") && name.empty())
    throw Refused{"New overlay node-name missing"};
  if (!name.empty() && find_node(state, name))
    throw Refused{"New overlay node-name already in use"};
  const std::string file = arguments.at("snapshot-file");
  require_sound(state, file);
  const std::string format = arguments.value("format", "qcow2");
  if (arguments.value("mode", "absolute-paths") != "existing")
    make_overlay(state, *active, file, format);
  Node options{.name = name, .file = file, .driver = format};
  options.read_only = active->read_only;
  options.unmap = active->unmap;
  if (format != "qcow2") refuse_overlay(state, std::move(options));
  Node& overlay = open_node(state, std::move(options));
  load_bitmaps(state, overlay);
  put_on_top(state, *active, overlay);
  return json::object();
}

/// S66: into a node that is there already.
json blockdev_snapshot(State& state, const json& arguments) {
  wake_commits(state);
  finish_requests(state);
  Node& active = node_called(state, arguments["node"]);
  check_not_busy(state, active);
  require_sound(state, active.file);
  Node& overlay = node_called(state, arguments["overlay"]);
  for (const Device& device : state.devices) {
    if (is_in_chain(state, state.nodes.at(device.root), overlay))
      throw Refused{"The overlay is already in use"};
  }
  if (&overlay == &active || overlay.filter()) throw Refused{"The overlay is already in use"};
  if (overlay.driver != "qcow2") throw Refused{"The overlay does not support backing images"};
  if (overlay.below != 0) throw Refused{"The overlay already has a backing image"};
  if (is_in_chain(state, active, overlay)) {
    throw Refused{"Making '" + active.name + "' a backing child of '" + overlay.name +
                  "' would create a cycle"};
  }
  put_on_top(state, active, overlay);
  return json::object();
}

}  // namespace model
