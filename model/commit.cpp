// SPDX-License-Identifier: MIT
#include <algorithm>

#include "model/parts.h"

namespace model {

using nlohmann::json;

/// S92: at rest it is exact.
json progress(const Job& job) {
  return between(job.copied,
                 job.copied + job.surplus + job.bulk.total() + job.doubt.total() + job.fresh_most);
}

bool certainly_running(const Job& job) {
  if (job.status != Status::running || job.speed <= 0) return false;
  return job.bulk.total() / 60 > static_cast<Number>(job.speed);
}

namespace {

/// M2: the base may from now on hold what the source shows there, and its bitmaps may know.
void expect_copies(State& state, const Job& job, const Runs& runs) {
  Node& base = state.nodes.at(job.base);
  Image& image = state.files.at(base.file);
  const auto may_hold = [&](const Node& source, const Runs& where) {
    for (const auto& [start, end] : where) {
      for (const Piece& piece : look(state, source, start, end)) {
        blend(image.data, piece.start, piece.end, {0, piece.bytes}, {0, {}, true});
      }
    }
  };
  Runs rest = widened(runs, image.cluster, image.size);
  rest.remove(runs);
  may_hold(state.nodes.at(job.top), runs);
  may_hold(base, rest);
  for (Bitmap& bitmap : base.bitmaps) {
    bitmap.unsure.remove(runs);
    if (bitmap.enabled) bitmap.bits.may.add(units_of(runs, bitmap.granularity));
  }
}

/// S77: the copies are made. Bitmaps know, but for what was copied before they could (M6).
void settle_copies(State& state, const Job& job, const Runs& runs) {
  Node& base = state.nodes.at(job.base);
  for (const auto& [start, end] : runs) {
    for (const Piece& piece : look(state, state.nodes.at(job.top), start, end)) {
      put(state, base, piece.start, piece.end, piece.bytes);
    }
  }
  for (Bitmap& bitmap : base.bitmaps) {
    Runs sure = runs;
    sure.remove(bitmap.unsure);
    if (bitmap.enabled) bitmap.bits.must.add(units_of(sure, bitmap.granularity));
  }
}

/// What has to be copied: allocated above the base, or past the end of a short layer (S77, S92).
/// What is perhaps allocated is perhaps copied.
void plan_copies(State& state, Job& job) {
  const Number size = state.files.at(state.nodes.at(job.top).file).size;
  Runs surely, perhaps;
  for (int id = job.top; id != job.base; id = state.nodes.at(id).below) {
    const Image& layer = state.files.at(state.nodes.at(id).file);
    for (const auto& [start, extent] : layer.data) {
      (extent.through ? perhaps : surely).add(start, std::min(extent.end, size));
    }
    surely.add(std::min(layer.size, size), size);
  }
  job.bulk = widened(surely, job.granularity, size);
  job.doubt = widened(perhaps, job.granularity, size);
  job.doubt.remove(job.bulk);
  expect_copies(state, job, job.bulk);
  expect_copies(state, job, job.doubt);
}

json job_data(const Job& job) {
  const json copied = progress(job);
  return {{"device", job.id},
          {"type", "commit"},
          {"speed", job.speed},
          {"len", copied},
          {"offset", copied}};
}

void send(State& state, const std::string& event, const json& data) {
  state.events.push_back({{"event", event}, {"data", data}});
}

/// READY: what was not rewritten since the start is copied for certain (M5).
void become_ready(State& state, Job& job) {
  Runs sure = job.bulk;
  sure.remove(job.fresh);
  settle_copies(state, job, sure);
  if (job.fresh.empty()) state.files.at(state.nodes.at(job.base).file).unsynced.clear();
  job.copied += job.bulk.total();
  job.surplus += job.doubt.total();
  job.bulk = job.doubt = {};
  job.status = Status::ready;
  send(state, "BLOCK_JOB_READY", job_data(job));
}

/// S75, S88: the graph changes, the job is over.
void conclude(State& state, Job& job) {
  const bool pivots = job.ending == Ending::complete, cancelled = job.ending == Ending::cancel;
  for (Device& device : state.devices) {
    if (device.root == job.filter) device.root = pivots ? job.base : job.top;
  }
  state.nodes.erase(job.filter);
  if (pivots) close_unused(state, job.top);
  if (pivots && job.read_only_after) turn_read_only(state, state.nodes.at(job.base));
  if (cancelled) job.error = "Operation canceled";
  json data = job_data(job);
  if (job.ending == Ending::failure) data["error"] = job.error;
  send(state, cancelled ? "BLOCK_JOB_CANCELLED" : "BLOCK_JOB_COMPLETED", data);
  job.status = Status::concluded;
  job.ending = Ending::none;
}

/// Carries out the ending, up to where it waits for its finalize (S87).
void end(State& state, Job& job) {
  const bool copies = job.ending == Ending::complete || job.ending == Ending::soft_cancel;
  if (copies) {
    settle_copies(state, job, job.fresh);
    job.copied += job.fresh_least;
    job.surplus += job.fresh_most - job.fresh_least;
  } else {
    job.surplus += job.bulk.total() + job.doubt.total() + job.fresh_most;
  }
  job.bulk = job.doubt = job.fresh = {};
  job.fresh_least = job.fresh_most = 0;
  if (job.auto_finalize || !copies) return conclude(state, job);
  job.status = Status::pending;
  send(state, "BLOCK_JOB_PENDING", {{"id", job.id}, {"type", "commit"}});
}

bool is_ending(const Job& job) {
  const bool waits = job.paused || job.status == Status::pending;
  return job.ending != Ending::none && (!waits || job.ending == Ending::cancel);
}

bool active(const Job& job) { return job.status != Status::concluded; }

}  // namespace

bool ending_jobs(const State& state) { return std::ranges::any_of(state.jobs, is_ending); }

void finish_ending_jobs(State& state) {
  for (Job& job : state.jobs) {
    if (is_ending(job)) end(state, job);
  }
  std::erase_if(state.jobs, [](const Job& job) { return !active(job) && job.auto_dismiss; });
}

void finalize(State& state, Job& job) {
  conclude(state, job);
  finish_ending_jobs(state);
}

void advance_for(State& state, const std::string& event) {
  finish_ending_jobs(state);
  for (Job& job : state.jobs) {
    if (event != "BLOCK_JOB_READY" || job.status != Status::running || job.paused) continue;
    return become_ready(state, job);
  }
}

void cancel_all_jobs(State& state) {
  finish_ending_jobs(state);
  for (Job& job : state.jobs) {
    if (active(job)) job.ending = Ending::cancel;
  }
  finish_ending_jobs(state);
}

void note_guest_write(State& state, const Node& node, Number start, Number end) {
  for (Job& job : state.jobs) {
    if (!active(job) || (node.id != job.top && node.id != job.base)) continue;
    Runs written;
    written.add(start, end);
    if (node.id == job.top) {
      written = widened(written, job.granularity, state.files.at(node.file).size);
      Runs more = written;
      more.remove(job.fresh);
      more.remove(job.bulk);
      job.fresh_least += more.total();
      job.fresh_most += written.total();
      job.fresh.add(written);
    } else {
      Runs elsewhere = pending_copies(state, node), here = elsewhere;
      elsewhere.remove(written);
      here.remove(elsewhere);
      written = here;
    }
    expect_copies(state, job, written);
  }
}

Runs pending_copies(const State& state, const Node& node) {
  Runs pending;
  for (const Job& job : state.jobs) {
    if (node.id != job.base) continue;
    pending.add(job.bulk);
    pending.add(job.doubt);
    pending.add(job.fresh);
  }
  return pending;
}

/// S80: everything from the filter down to the base.
bool busy_with_commit(const State& state, const Node& node) {
  for (const Job& job : state.jobs) {
    if (!active(job)) continue;
    for (int id = job.filter; id != 0; id = id == job.base ? 0 : state.nodes.at(id).below) {
      if (id == node.id) return true;
    }
  }
  return false;
}

namespace {

/// S71, M14
Node& find_layer(State& state, const std::vector<Node*>& chain, const std::string& name) {
  Node* node = find_named(state, name);
  if (!node) refuse("Cannot find device='' nor node-name='" + name + "'");
  if (std::ranges::find(chain, node) != chain.end()) return *node;
  refuse("'" + name + "' is not in this backing file chain");
}

/// A layer by its file's name, or as the layer above names it.
Node* find_file(const State& state, const std::vector<Node*>& chain, const std::string& name) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (chain[i]->file == name) return chain[i];
    if (i > 0 && state.files.at(chain[i - 1]->file).backing == name) return chain[i];
  }
  return nullptr;
}

Node& find_top(State& state, Node& root, const json& arguments) {
  const std::vector<Node*> chain = chain_of(state, root);
  if (arguments.contains("top-node")) {
    if (arguments.contains("top")) refuse("'top-node' and 'top' are mutually exclusive");
    return find_layer(state, chain, arguments["top-node"]);
  }
  if (!arguments.contains("top")) return root;
  if (Node* top = find_file(state, chain, arguments["top"])) return *top;
  refuse("Top image file " + arguments["top"].get<std::string>() + " not found");
}

Node& find_base(State& state, Node& top, const json& arguments) {
  std::vector<Node*> chain = chain_of(state, top);
  if (arguments.contains("base-node")) {
    if (arguments.contains("base")) refuse("'base-node' and 'base' are mutually exclusive");
    return find_layer(state, chain, arguments["base-node"]);
  }
  if (!arguments.contains("base")) return *chain.back();
  Node* base = find_file(state, chain, arguments["base"]);
  if (base && base != &top) return *base;
  refuse("Can't find '" + arguments["base"].get<std::string>() + "' in the backing chain");
}

/// S73, S74, M15: in the order in which QEMU sees it.
void check_job(State& state, const Job& job, const Node& base, const json& arguments) {
  if (base.read_only) check_lock(state, base.file, false, base.id);
  if (arguments.contains("filter-node-name")) check_node_name(state, arguments["filter-node-name"]);
  if (!well_formed(job.id)) refuse("Invalid job ID '" + job.id + "'");
  const auto same = [&job](const Job& each) { return each.id == job.id; };
  if (std::ranges::any_of(state.jobs, same)) refuse("Job ID '" + job.id + "' already in use");
  if (job.speed < 0) refuse("Parameter 'speed' expects a non-negative value");
}

/// S64, M17: a base that is too short grows, unless that is refused. When, nobody sees (M4).
bool grow(State& state, const Node& top, Node& base) try {
  const Number size = state.files.at(top.file).size;
  if (state.files.at(base.file).size < size) resize(state, base, size);
  return true;
} catch (const Refused&) {
  return false;
}

void start(State& state, Job job, Node& base, const std::string& filter_name) {
  const Node& top = state.nodes.at(job.top);
  const Image& image = state.files.at(base.file);
  job.granularity = 65536;
  if (image.format != "raw") job.granularity = std::clamp<Number>(image.cluster, 4096, 65536);
  job.old_size = image.size;
  turn_writable(state, base);
  Node filter{.id = job.filter,
              .name = filter_name,
              .file = top.file,
              .driver = "mirror_top",
              .below = job.top};
  state.nodes.emplace(job.filter, filter);
  for (Device& device : state.devices) {
    if (device.root != job.top) continue;
    device.root = job.filter;
    job.read_only_after = device.read_only;
  }
  if (grow(state, top, base)) {
    plan_copies(state, job);
  } else {
    job.ending = Ending::failure;
    job.error = "Operation not supported";
  }
  state.jobs.push_back(std::move(job));
}

}  // namespace

/// S70…S75
json block_commit(State& state, const json& arguments) {
  const std::string device = arguments["device"];
  Node* root = find_node(state, device);
  if (!root) refuse("Device '" + device + "' not found", "DeviceNotFound");
  if (root->filter() || used_by_node(state, root->id)) refuse("Need a root block node");
  Node& top = find_top(state, *root, arguments);
  Node& base = find_base(state, top, arguments);
  if (&top == &base) refuse("cannot commit an image into itself");
  if (&top != root) refuse("intermediate commit is not modelled");
  if (arguments.contains("backing-file")) {
    refuse("'backing-file' specified, but 'top' is the active layer");
  }
  Job job{.id = arguments.value("job-id", shown_name(state, top)), .top = top.id, .base = base.id};
  job.speed = arguments.value("speed", std::int64_t{0});
  job.auto_finalize = arguments.value("auto-finalize", true);
  job.auto_dismiss = arguments.value("auto-dismiss", true);
  check_job(state, job, base, arguments);
  job.filter = state.next_id++;
  start(state, std::move(job), base, arguments.value("filter-node-name", ""));
  return json::object();
}

}  // namespace model
