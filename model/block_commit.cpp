// SPDX-License-Identifier: MIT
#include <algorithm>

#include "model/parts.h"

namespace model {

using nlohmann::json;

namespace {

/// S71, M14
Node& find_layer(State& state, const std::vector<Node*>& chain, const std::string& name) {
  Node* node = find_named(state, name);
  if (!node) throw Refused{"Cannot find device='' nor node-name='" + name + "'"};
  if (std::ranges::find(chain, node) != chain.end()) return *node;
  throw Refused{"'" + name + "' is not in this backing file chain"};
}

/// A layer by its file's name, which may be relative to the folder of the layer above (M14).
Node* find_file(const State& state, const std::vector<Node*>& chain, const std::string& name) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const std::string file = shown_file(state, *chain[i]);
    if (file == name || (i > 0 && file == resolve(chain[i - 1]->file, name))) return chain[i];
  }
  return nullptr;
}

Node& find_top(State& state, Node& root, const json& arguments) {
  const std::vector<Node*> chain = chain_of(state, root);
  if (arguments.contains("top-node")) {
    if (arguments.contains("top")) throw Refused{"'top-node' and 'top' are mutually exclusive"};
    return find_layer(state, chain, arguments["top-node"]);
  }
  if (!arguments.contains("top")) return root;
  if (Node* top = find_file(state, chain, arguments["top"])) return *top;
  throw Refused{"Top image file " + arguments["top"].get<std::string>() + " not found"};
}

Node& find_base(State& state, Node& top, const json& arguments) {
  std::vector<Node*> chain = chain_of(state, top);
  if (arguments.contains("base-node")) {
    if (arguments.contains("base")) throw Refused{"'base-node' and 'base' are mutually exclusive"};
    return find_layer(state, chain, arguments["base-node"]);
  }
  if (!arguments.contains("base")) return *chain.back();
  Node* base = find_file(state, chain, arguments["base"]);
  if (base && base != &top) return *base;
  throw Refused{"Can't find '" + arguments["base"].get<std::string>() + "' in the backing chain"};
}

/// S73, S74, M15: in the order in which QEMU sees it.
void check_id_and_speed(const State& state, const Job& job) {
  if (!well_formed(job.id)) throw Refused{"Invalid job ID '" + job.id + "'"};
  const auto same = [&job](const Job& each) { return each.id == job.id; };
  if (std::ranges::any_of(state.jobs, same))
    throw Refused{"Job ID '" + job.id + "' already in use"};
  if (job.speed < 0) throw Refused{"Parameter 'speed' expects a non-negative value"};
}

/// M56, from the top down.
void check_readers(State& state, const Job& job) {
  for (const Node* node : chain_of(state, state.nodes.at(job.top))) {
    if (node->id == job.base) return;
    const std::string device = device_name(state, *node), on_it = "node '" + node_name(*node) + "'";
    if (node->id != job.top && !device.empty()) {
      throw Refused{"Permission conflict on " + on_it +
                    ": permissions 'consistent read' are both required by block device '" + device +
                    "' (uses " + on_it + " as 'root' child) and unshared by commit job '" + job.id +
                    "' (uses " + on_it + " as 'intermediate node' child)."};
    }
    if (node->id == job.top && job.active()) continue;
    for (const auto& [id, other] : state.nodes) {
      const bool reads = other.file == node->file && other.driver != "file" && !other.filter();
      if (reads && id != node->id) throw Refused{"Failed to get shared \"consistent read\" lock"};
    }
  }
}

void check_job(State& state, const Job& job, const json& arguments) {
  Node& base = state.nodes.at(job.base);
  if (!job.active()) check_id_and_speed(state, job);
  if (base.read_only) check_lock(state, base.file, false, base.id, base.over);
  try {
    if (arguments.contains("filter-node-name"))
      check_node_name(state, arguments["filter-node-name"]);
    if (job.active()) check_id_and_speed(state, job);
    check_readers(state, job);
  } catch (const Refused&) {
    if (!base.read_only) throw;
    turn_writable(state, base);  // so it was, for a moment
    turn_read_only(state, base);
    throw;
  }
}

/// S64, M17: a base that is too short grows, or why it does not. When, nobody sees (M4).
std::string grow(State& state, const Node& top, Node& base) try {
  const Number size = state.files.at(top.file).size;
  const Image& image = state.files.at(base.file);
  if (image.size >= size) return "";
  const std::string failure =
      image.format == "raw" ? surely_fails(state, base.file, "write") : std::string();
  if (failure.empty()) resize(state, base, size);
  return failure;
} catch (const Refused&) {
  return "Operation not supported";
}

/// S77, S92: the unit of copying; a commit below the active layer copies just what is allocated.
Number unit(const Job& job, const Image& base) {
  if (!job.active()) return 1;
  return base.format == "raw" ? 65536 : std::clamp<Number>(base.cluster, 4096, 65536);
}

/// M10, M40: above the top, below its user.
void insert_filter(State& state, const Job& job, const std::string& name) {
  Node filter{.id = job.filter, .name = name, .file = state.nodes.at(job.top).file};
  filter.driver = job.active() ? "mirror_top" : "commit_top";
  filter.read_only = !job.active();
  filter.below = job.top;
  for (Device& device : state.devices) {
    if (device.root == job.top) device.root = job.filter;
  }
  for (auto& [id, node] : state.nodes) {
    if (node.below == job.top) node.below = job.filter;
  }
  state.nodes.emplace(job.filter, filter);
}

/// Bytes that are certainly not zeros, which no speed holds back.
Number data_in(const State& state, const Node& node, const Runs& runs) {
  Number data = 0;
  for (const auto& [start, end] : runs) {
    for (const Piece& piece : look(state, node, start, end)) {
      if (!(piece.bytes & zero_byte).any()) data += piece.end - piece.start;
    }
  }
  return data;
}

/// M4, M39: for more than a minute; below the active layer after its first copy, if something is
/// left to scan.
bool falls_asleep(const State& state, const Node& top, const Job& job) {
  if (job.bulk.empty() || job.speed <= 0) return false;
  if (job.active()) return data_in(state, top, job.bulk) / 60 > static_cast<Number>(job.speed);
  if (job.speed * 60 >= 512) return false;
  const auto [start, end] = *job.bulk.begin();
  return std::min(end, start + (512 << 10)) < job.length;
}

void start(State& state, Job job, const std::string& filter_name) {
  Node& base = state.nodes.at(job.base);
  const Node& top = state.nodes.at(job.top);
  job.granularity = unit(job, state.files.at(base.file));
  job.old_size = state.files.at(base.file).size;
  turn_writable(state, base);
  insert_filter(state, job, filter_name);
  job.error = grow(state, top, base);
  if (job.error.empty()) {
    plan_copies(state, job);
    doom(state, job, job.bulk);
    job.asleep = falls_asleep(state, top, job);
    if (!job.active()) job.surplus = job.length;
  } else {
    job.ending = Ending::failure;
  }
  state.jobs.push_back(std::move(job));
}

/// S80: from the device's root to the base; the filter only if the device sees it.
std::vector<int> nodes_to_hold(State& state, Node& root, const Job& job) {
  std::vector<int> held;
  if (job.active()) held.push_back(job.filter);
  for (const Node* node : chain_of(state, root)) {
    held.push_back(node->id);
    if (node->id == job.base) break;
  }
  return held;
}

/// Who is above the top, if anybody.
int overlay_of(State& state, Node& root, const Node& top) {
  for (const Node* node : chain_of(state, root)) {
    if (node->below == top.id) return node->id;
  }
  return 0;
}

}  // namespace

/// S70…S76
json block_commit(State& state, const json& arguments) {
  const std::string device = arguments["device"];
  Node* root = find_node(state, device);
  if (!root) throw Refused{"Device '" + device + "' not found", "DeviceNotFound"};
  if (busy_with_commit(state, root->id) || used_by_node(state, root->id))
    throw Refused{"Need a root block node"};
  Node& top = find_top(state, *root, arguments);
  Node& base = find_base(state, top, arguments);
  if (&top == &base) throw Refused{"cannot commit an image into itself"};
  Job job{.id = arguments.value("job-id", device_name(state, *root)),
          .overlay = overlay_of(state, *root, top),
          .top = top.id,
          .base = base.id};
  if (job.active() && arguments.contains("backing-file"))
    throw Refused{"'backing-file' specified, but 'top' is the active layer"};
  job.backing_file = arguments.value("backing-file", shown_file(state, base));
  job.length = state.files.at(top.file).size;
  job.on_error = arguments.value("on-error", "report");
  job.speed = arguments.value("speed", std::int64_t{0});
  job.auto_finalize = arguments.value("auto-finalize", true);
  job.auto_dismiss = arguments.value("auto-dismiss", true);
  check_job(state, job, arguments);
  drain(state, base);
  job.filter = state.next_id++;
  job.held = nodes_to_hold(state, *root, job);
  job.read_only_after = job.active() ? top.read_only : base.read_only;
  start(state, std::move(job), arguments.value("filter-node-name", ""));
  return json::object();
}

}  // namespace model
