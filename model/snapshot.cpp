// SPDX-License-Identifier: MIT
#include "model/model.h"
#include "model/parts.h"

namespace model {

using nlohmann::json;

namespace {

/// S67: what was active is stored and frozen; the overlay takes its place and its options (M29).
void put_on_top(State& state, Node& active, Node options) {
  options.read_only = active.read_only;
  options.unmap = active.unmap;
  Node& overlay = open_node(state, std::move(options));
  overlay.below = active.id;
  load_bitmaps(state, overlay);
  turn_read_only(state, active);
  for (Device& device : state.devices) {
    if (device.root == active.id) device.root = overlay.id;
  }
}

}  // namespace

/// S65…S69, M29
json snapshot_sync(State& state, const json& arguments) {
  wake_commits(state);
  Node* active = &device_or_node(state, arguments);
  const std::string busy = "Node '" + shown_name(state, *active) + "' is busy: ";
  if (busy_with_commit(state, active->id))
    refuse(busy + "block device is in use by block job: commit");
  for (const auto& [id, user] : state.nodes) {
    if (user.below != active->id) continue;
    refuse(busy + "node is used as backing hd of '" + node_name(user) + "'");
  }
  const std::string name = arguments.value("snapshot-node-name", "");
  if (arguments.contains("node-name") && name.empty()) refuse("New overlay node-name missing");
  if (!name.empty() && find_node(state, name)) refuse("New overlay node-name already in use");
  const std::string file = arguments.at("snapshot-file");
  const std::string format = arguments.value("format", "qcow2");
  if (arguments.value("mode", "absolute-paths") != "existing") {
    const json created = create_image(state, {{"file", file},
                                              {"format", format},
                                              {"backing_file", active->file},
                                              {"backing_fmt", active->driver}});
    if (created.contains("error")) refuse(created["error"]["desc"]);
  }
  put_on_top(state, *active, {.name = name, .file = file, .driver = format});
  return json::object();
}

}  // namespace model
