// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include "model/model.h"
#include "model/parts.h"

namespace model {

using nlohmann::json;

Device* find_device(State& state, const std::string& id) {
  for (Device& device : state.devices) {
    if (device.id == id) return &device;
  }
  return nullptr;
}

Node* find_named(State& state, const std::string& name) {
  if (name.empty()) return nullptr;
  for (auto& [id, node] : state.nodes) {
    if (node.name == name) return &node;
  }
  return nullptr;
}

Node* find_node(State& state, const std::string& device_or_node) {
  if (const Device* device = find_device(state, device_or_node))
    return &state.nodes.at(device->root);
  return find_named(state, device_or_node);
}

const Node* find_node(const State& state, const std::string& device_or_node) {
  return find_node(const_cast<State&>(state), device_or_node);
}

Node& device_or_node(State& state, const json& arguments) {
  const std::string device = arguments.value("device", "");
  const std::string name = arguments.value("node-name", "");
  if (const Device* found = find_device(state, device)) return state.nodes.at(found->root);
  if (Node* node = find_named(state, name)) return *node;
  throw Refused{"Cannot find device='" + device + "' nor node-name='" + name + "'"};
}

Node& node_called(State& state, const std::string& name) {
  if (Node* node = find_node(state, name)) return *node;
  throw Refused{"Cannot find device='" + name + "' nor node-name='" + name + "'"};
}

void check_not_busy(const State& state, const Node& node) {
  const std::string busy = "Node '" + shown_name(state, node) + "' is busy: ";
  if (busy_with_commit(state, node.id))
    throw Refused{busy + "block device is in use by block job: commit"};
  for (const auto& [id, user] : state.nodes) {
    if (user.below != node.id) continue;
    const std::string name = user.over_as.empty() ? node_name(user) : user.over_as;
    throw Refused{busy + "node is used as backing hd of '" + name + "'"};
  }
}

std::vector<Node*> chain_of(State& state, Node& node) {
  std::vector<Node*> chain{&node};
  while (chain.back()->below != 0) chain.push_back(&state.nodes.at(chain.back()->below));
  return chain;
}

std::string node_name(const Node& node) { return node.name.empty() ? "#block" : node.name; }

std::string device_name(const State& state, const Node& node) {
  for (const Device& device : state.devices) {
    if (device.root == node.id) return device.id;
  }
  return "";
}

std::string shown_name(const State& state, const Node& node) {
  const std::string device = device_name(state, node);
  return device.empty() ? node_name(node) : device;
}

namespace {

bool overridden(const State& state, const Node& node) {
  if (node.below == 0) return !node.names.empty();
  return shown_file(state, state.nodes.at(node.below)) != node.names;
}

/// The options that would open it again, as QEMU writes JSON.
std::string description(const State& state, const Node& node) {
  std::string backing;
  if (overridden(state, node)) {
    const bool none = node.below == 0;
    const std::string below = none ? "null" : description(state, state.nodes.at(node.below));
    backing = "\"backing\": " + below + ", ";
  }
  const std::string file = "{\"driver\": \"file\", \"filename\": \"" + node.file + "\"}";
  if (node.driver == "file") return file;
  return "{" + backing + "\"driver\": \"" + node.driver + "\", \"file\": " + file + "}";
}

}  // namespace

std::string shown_file(const State& state, const Node& node) {
  if (node.filter()) return shown_file(state, state.nodes.at(node.below));
  return overridden(state, node) ? "json:" + description(state, node) : node.file;
}

void name_backing(State& state, int id, const std::string& file, const std::string& format) {
  Node& node = state.nodes.at(id);
  Image& image = state.files.at(node.file);
  node.names = image.backing = file;
  image.backing_format = format;
}

bool used_by_node(const State& state, int id) {
  return std::ranges::any_of(state.nodes, [id](const auto& each) {
    return each.second.below == id || each.second.over == id;
  });
}

bool well_formed(const std::string& id) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
  };
  return !id.empty() && std::isalpha(static_cast<unsigned char>(id[0])) != 0 &&
         std::ranges::all_of(id, allowed);
}

/// M27
void check_node_name(State& state, const std::string& name) {
  if (!well_formed(name)) throw Refused{"Invalid node-name: '" + name + "'"};
  if (find_device(state, name))
    throw Refused{"node-name=" + name + " is conflicting with a device id"};
  if (find_named(state, name)) throw Refused{"Duplicate nodes with node-name='" + name + "'"};
  if (name.size() > 31) throw Refused{"Node name too long"};
}

/// M28
void check_lock(const State& state, const std::string& file, bool read_only, int except, int over) {
  for (const auto& [id, node] : state.nodes) {
    if (node.file != file || node.filter() || node.driver == "file" || id == except) continue;
    if (over != 0 && node.over == over) continue;
    if (!read_only) throw Refused{"Failed to get \"write\" lock"};
    if (!node.read_only) throw Refused{"Failed to get shared \"write\" lock"};
  }
}

std::string resolve(const std::string& overlay, const std::string& backing) {
  if (backing.starts_with('/') || backing.starts_with("TEST_DIR/")) return backing;
  const auto slash = overlay.rfind('/');
  return slash == std::string::npos ? backing : overlay.substr(0, slash + 1) + backing;
}

/// More open at once are taken for images that back each other in a ring (M61).
constexpr std::size_t most_nodes = 500;

Node& open_node(State& state, Node node) {
  if (node.file.empty()) throw Refused{"The 'file' block driver requires a file name"};
  if (state.nodes.size() > most_nodes) throw Refused{anything};
  const auto image = state.files.find(node.file);
  const bool is_named = !node.name.empty();
  if (is_named && node.driver == "file") check_node_name(state, node.name);
  if (image == state.files.end()) throw no_file(node.file);
  if (is_named && node.driver != "file") check_node_name(state, node.name);
  if (node.driver != "file") {
    if (unreadable(state).contains(node.file))
      throw Refused{"Failed to get \"consistent read\" lock"};
    check_lock(state, node.file, node.read_only, 0, node.over);
  }
  const std::string failure =
      node.driver == "qcow2" ? surely_fails(state, node.file, "read") : std::string();
  if (!failure.empty()) throw Refused{"Could not read qcow2 header: " + failure};
  if (node.driver == "qcow2" && image->second.format != "qcow2")
    throw Refused{"Image is not in qcow2 format"};
  const std::string why =
      node.driver == "qcow2" ? trouble_of(image->second, !node.read_only) : std::string();
  if (!why.empty()) throw Refused{why};
  if (node.driver == "raw" && image->second.format != "raw") throw Unknowable{};  // not modelled
  node.id = state.next_id++;
  if (node.driver == "qcow2") node.names = image->second.backing;
  const int id = node.id;
  return state.nodes.emplace(id, std::move(node)).first->second;
}

std::string probed(const State& state, const std::string& file) {
  require_sound(state, file);
  const auto found = state.files.find(file);
  return found == state.files.end() ? "raw" : found->second.format;
}

namespace {

/// As backing file names say, read-only and with discards (M19).
void open_recorded(State& state, Node& node) {
  const Image& image = state.files.at(node.file);
  if (node.driver != "qcow2" || image.backing.empty()) return;
  const std::string options = "json:";
  const bool is_described = image.backing.starts_with(options);
  Node backing{.file = resolve(node.file, image.backing), .driver = image.backing_format};
  if (!is_described && backing.driver.empty()) backing.driver = probed(state, backing.file);
  backing.read_only = backing.unmap = true;
  const Node& below =
      is_described
          ? open_blockdev(
                state, described(image.backing.substr(options.size()), image.backing_format), true)
          : open_chain(state, std::move(backing));
  node.below = below.id;
  node.names = shown_file(state, below);
}

}  // namespace

Node& open_chain(State& state, Node options, const json* backing) {
  Node& node = open_node(state, std::move(options));
  try {
    if (!backing) open_recorded(state, node);
    if (backing && backing->is_string()) node.below = node_called(state, *backing).id;
    if (backing && backing->is_object()) node.below = open_blockdev(state, *backing, true).id;
  } catch (const Refused& refused) {
    state.nodes.erase(node.id);
    if (refused.text == anything) throw;
    throw Refused{"Could not open backing file: " + refused.text};
  }
  try {
    load_bitmaps(state, node);
  } catch (const Refused&) {
    const int below = node.below;
    state.nodes.erase(node.id);
    close_unused(state, below);
    throw;
  }
  return node;
}

std::string close_unused(State& state, int id) {
  const auto rooted = [id](const Device& device) { return device.root == id; };
  if (id == 0 || used_by_node(state, id) || busy_with_commit(state, id)) return "";
  if (state.nodes.at(id).added || std::ranges::any_of(state.devices, rooted)) return "";
  const Node node = state.nodes.at(id);
  const std::string reason = node.filter() ? "" : store_bitmaps(state, node);
  if (!node.filter()) close_file(state, node.file);
  state.nodes.erase(id);
  close_unused(state, node.over);
  const std::string lost_below = close_unused(state, node.below);
  if (reason.empty() || !lost_below.empty()) return lost_below;
  return "Lost persistent bitmaps during inactivation of node '" + node_name(node) + "': " + reason;
}

namespace {

void check_drive(State& state, const json& options) {
  const std::string id = options.at("id");
  if (!well_formed(id)) throw Refused{"Parameter 'id' expects an identifier"};
  if (find_device(state, id)) throw Refused{"Duplicate ID '" + id + "' for drive"};
  const std::string read_only = options.value("read-only", "off");
  if (read_only != "on" && read_only != "off")
    throw Refused{"Parameter 'read-only' expects 'on' or 'off'"};
  const std::string discard = options.value("discard", "ignore");
  const std::vector<std::string> known{"ignore", "off", "unmap", "on"};
  const std::string format = options.value("format", "qcow2"), file = options.at("file");
  if (format != "qcow2" && format != "raw") throw Refused{"Unknown driver '" + format + "'"};
  if (file.empty()) throw Refused{"A block device must be specified for \"file\""};
  if (state.files.contains(file) && std::ranges::find(known, discard) == known.end())
    throw Refused{"Invalid discard option"};
}

}  // namespace

/// A new process starts when something is first asked of it.
void start_process(State& state) {
  if (std::exchange(state.ended, false)) state.events.clear();
}

json add_drive(State& state, const json& options) {
  start_process(state);
  finish_ending_jobs(state);
  try {
    check_drive(state, options);
    Node node{.name = options.value("node-name", ""),
              .file = options.at("file"),
              .driver = options.value("format", "qcow2")};
    node.read_only = options.value("read-only", "off") == "on";
    const std::string discard = options.value("discard", "ignore");
    node.unmap = discard == "unmap" || discard == "on";
    const Node& opened = open_chain(state, std::move(node));
    const std::string id = options.at("id");
    if (find_named(state, id)) {
      close_unused(state, opened.id);
      throw Refused{"Device name '" + id + "' conflicts with an existing node name"};
    }
    state.devices.push_back({id, opened.id, opened.read_only});
    return {{"return", json::object()}};
  } catch (const Refused& refused) {
    return error_reply(refused);
  }
}

namespace {

/// A node's name is taken for blockdev-del's (M43).
std::string remove_drive(State& state, const std::string& id) {
  if (find_named(state, id)) return delete_node(state, id);
  const Device* device = find_device(state, id);
  if (!device) throw Refused{"Device '" + id + "' not found"};
  const int root = device->root;
  check_not_busy(state, state.nodes.at(root));
  drain(state, state.nodes.at(root));
  state.devices.erase(state.devices.begin() + (device - state.devices.data()));
  return close_unused(state, root);
}

}  // namespace

json delete_drive(State& state, const std::string& id) {
  start_process(state);
  finish_ending_jobs(state);
  try {
    const bool faulty = !state.faults.empty() || !state.unflushable.empty();
    const std::size_t nodes = state.nodes.size();
    const std::string lost = remove_drive(state, id);
    const bool several = nodes > state.nodes.size() + 1;
    if (!lost.empty()) throw Refused{faulty && several ? anything : lost};  // M53
    const json done = {{"return", json::object()}};
    if (!faulty) return done;
    return {
        {"$one-of", {done, error_reply({anything})}}};  // of tables that it could not write (M53)
  } catch (const Refused& refused) {
    return error_reply(refused);
  }
}

namespace {

/// What blockdev-add made, each after its users.
void close_all(State& state) {
  for (auto& [id, node] : state.nodes) node.added = false;
  while (!state.nodes.empty()) {
    const auto unused = std::ranges::find_if(
        state.nodes, [&state](const auto& each) { return !used_by_node(state, each.first); });
    close_unused(state, unused->first);
  }
}

}  // namespace

void stop(State& state, Stop how) {
  if (how == Stop::clean) {
    if (!state.ended) {
      state.events.push_back(
          {{"event", "SHUTDOWN"}, {"data", {{"guest", false}, {"reason", "host-qmp-quit"}}}});
    }
    finish_requests(state);
    cancel_all_jobs(state);
    state.jobs.clear();
    while (!state.devices.empty()) {
      const int root = state.devices.front().root;
      state.devices.erase(state.devices.begin());
      close_unused(state, root);
    }
    close_all(state);
  }
  for (auto& [file, image] : state.files) lose_unsynced(image);
  state.unflushable.clear();
  state.nodes.clear();
  state.in_flight.clear();
  state.devices.clear();
  state.jobs.clear();
  if (how == Stop::kill) state.events.clear();
  state.ended = true;
}

}  // namespace model
