// SPDX-License-Identifier: MIT
#include <algorithm>

#include "model/parts.h"

namespace model {

using nlohmann::json;

namespace {

/// Bytes that may still be copied; until it is, the last unit of a disk counts whole.
Number waiting(const Job& job) {
  const Number units = units_of(job.bulk, job.granularity).total();
  const Number more = units_of(job.doubt, job.granularity).total();
  return (units + more) * job.granularity + job.fresh_most;
}

}  // namespace

json offset(const Job& job) {
  return between(job.copied, job.copied + job.surplus + (job.active() ? waiting(job) : 0));
}

json length(const Job& job) { return job.active() ? offset(job) : json(job.length); }

void wake_commits(State& state) {
  for (Job& job : state.jobs) job.asleep = false;
}

namespace {

/// M2: the base may from now on hold what the source shows there, and its bitmaps may know.
/// Nothing is written past one that is RO (S25).
void expect_copies(State& state, const Job& job, const Runs& runs) {
  Node& base = state.nodes.at(job.base);
  if (has_read_only_bitmap(base)) return;
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

/// S77: the copies are made, perhaps before the base itself was written there (M5). Bitmaps know,
/// but for what was copied before they could (M6).
void settle_copies(State& state, const Job& job, const Runs& runs) {
  Node& base = state.nodes.at(job.base);
  Runs last = runs;
  last.remove(job.crossed);
  for (const auto& [start, end] : last) {
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

}  // namespace

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

void mark_base_again(State& state, const Job& job) {
  Node& base = state.nodes.at(job.base);
  if (!has_read_only_bitmap(base)) return;
  turn_writable(state, base);
  for (const Runs* runs : {&job.bulk, &job.doubt, &job.fresh}) expect_copies(state, job, *runs);
}

namespace {

json job_data(const Job& job) {
  return {{"device", job.id},
          {"type", "commit"},
          {"speed", job.speed},
          {"len", length(job)},
          {"offset", offset(job)}};
}

void send(State& state, const std::string& event, const json& data) {
  state.events.push_back({{"event", event}, {"data", data}});
}

}  // namespace

/// READY: what was not rewritten since the start is copied for certain (M5).
void become_ready(State& state, Job& job) {
  Runs sure = job.bulk;
  sure.remove(job.fresh);
  settle_copies(state, job, sure);
  if (job.fresh.empty() && !job.met) state.files.at(state.nodes.at(job.base).file).unsynced.clear();
  job.copied += job.bulk.total();
  job.surplus += job.doubt.total();
  job.crossed.remove(sure);
  job.bulk = job.doubt = {};
  job.status = Status::ready;
  send(state, "BLOCK_JOB_READY", job_data(job));
}

namespace {

/// S75, S76: what was above the filter is now above the base, or as before above the top.
void leave_graph(State& state, Job& job, bool drops_top) {
  drain(state, state.nodes.at(job.top));
  const int kept = drops_top ? job.base : job.top;
  for (auto& [id, node] : state.nodes) {
    if (node.below != job.filter) continue;
    node.below = kept;
    node.over_as = shown_name(state, node);
  }
  for (Device& device : state.devices) {
    if (device.root == job.filter) device.root = kept;
  }
  state.nodes.erase(job.filter);
  Node& base = state.nodes.at(job.base);
  if (!job.active() && drops_top) {
    Node& overlay = state.nodes.at(job.overlay);
    const bool was_read_only = overlay.read_only;
    turn_writable(state, overlay);
    name_backing(state, job.overlay, job.backing_file, base.driver);
    if (was_read_only) turn_read_only(state, overlay);
  }
  if (!drops_top || job.active() || job.auto_dismiss) release(state, job);
  if (job.read_only_after && (drops_top || !job.active())) turn_read_only(state, base);
}

/// M60: whether the header of the layer above can name what backs it from now on.
void check_header(const State& state, Job& job) {
  if (job.active() || job.ending != Ending::none) return;
  const Image& overlay = state.files.at(state.nodes.at(job.overlay).file);
  if (fits_header(overlay, job.backing_file, !overlay.directory.empty())) return;
  job.ending = Ending::failure;
  job.error = job.backing_file.size() > 1023 ? "Invalid argument" : "No space left on device";
}

/// S88
void conclude(State& state, Job& job) {
  check_header(state, job);
  const bool cancelled = job.ending == Ending::cancel;
  const bool drops_top = job.ending == Ending::complete || job.ending == Ending::none;
  leave_graph(state, job, drops_top);
  if (cancelled) job.error = "Operation canceled";
  json data = job_data(job);
  if (job.ending == Ending::failure) data["error"] = job.error;
  if (!job.failed.empty()) {
    send(state, "BLOCK_JOB_ERROR",
         {{"device", job.id}, {"operation", job.failed}, {"action", "report"}});
  }
  send(state, cancelled ? "BLOCK_JOB_CANCELLED" : "BLOCK_JOB_COMPLETED", data);
  job.status = Status::concluded;
  job.ending = Ending::none;
  let_go(state, job.filter, drops_top ? job.base : job.top);
}

/// M63
void halt(State& state, Job& job) {
  send(state, "BLOCK_JOB_ERROR",
       {{"device", job.id}, {"operation", job.failed}, {"action", "stop"}});
  job.io_status = job.error == "No space left on device" ? "nospace" : "failed";
  job.paused = true;
  job.stops = false;
  job.error = job.failed = {};
}

/// Carries out the ending, up to where it waits for its finalize (S87).
void end(State& state, Job& job) {
  if (job.stops) return halt(state, job);
  if (job.active()) drain(state, state.nodes.at(job.top));
  const bool copies = job.ending != Ending::cancel && job.ending != Ending::failure;
  if (copies) {
    Node& changed = state.nodes.at(job.active() ? job.top : job.overlay);
    for (const Node* node : chain_of(state, changed)) require_sound(state, node->file);
    settle_copies(state, job, job.bulk);
    settle_copies(state, job, job.fresh);
    job.copied += job.active() ? job.fresh_least : job.length;
    job.surplus = job.active() ? job.surplus + job.fresh_most - job.fresh_least : 0;
    const std::string& base = state.nodes.at(job.base).file;
    if (job.active() && flushes(state, base)) state.files.at(base).unsynced.clear();
  } else if (job.active()) {
    job.surplus += waiting(job);
  }
  job.bulk = job.doubt = job.fresh = job.crossed = {};
  job.fresh_least = job.fresh_most = 0;
  if (job.auto_finalize || !copies) return conclude(state, job);
  job.status = Status::pending;
  send(state, "BLOCK_JOB_PENDING", {{"id", job.id}, {"type", "commit"}});
}

/// Told to end, or coming to its end by itself (S76, M39).
bool is_ending(const Job& job) {
  const bool waits = job.paused || job.status == Status::pending;
  const bool by_itself = !job.active() && job.status == Status::running && !job.asleep;
  if (job.stops && !job.paused) return true;
  return (job.ending != Ending::none || by_itself) && (!waits || job.ending == Ending::cancel);
}

bool alive(const Job& job) { return job.status != Status::concluded; }

}  // namespace

bool may_be_short(const State& state, const Job& job) {
  const Node& base = state.nodes.at(job.base);
  return job.status == Status::running && job.old_size < state.files.at(base.file).size;
}

bool ending_jobs(const State& state) { return std::ranges::any_of(state.jobs, is_ending); }

bool job_is_ending(const State& state, const std::string& id) {
  return std::ranges::any_of(state.jobs,
                             [&](const Job& job) { return job.id == id && is_ending(job); });
}

namespace {

template <class Which>
void finish_where(State& state, const Which& which) {
  for (Job& job : state.jobs) {
    if (is_ending(job) && which(job)) end(state, job);
  }
  std::erase_if(state.jobs, [](const Job& job) { return !alive(job) && job.auto_dismiss; });
}

}  // namespace

void finish_ending_jobs(State& state) {
  finish_where(state, [](const Job&) { return true; });
}

void finish_ending_job(State& state, const std::string& id) {
  finish_where(state, [&id](const Job& job) { return job.id == id; });
}

void release(State& state, Job& job) {
  job.held.clear();
  close_unused(state, job.top);
}

void finalize(State& state, Job& job) {
  conclude(state, job);
  finish_ending_jobs(state);
}

void advance_for(State& state, const std::string& event) {
  finish_ending_jobs(state);
  for (Job& job : state.jobs) {
    if (event != "BLOCK_JOB_READY" || !job.active()) continue;
    if (job.status != Status::running || job.paused) continue;
    return become_ready(state, job);
  }
}

void cancel_all_jobs(State& state) {
  finish_ending_jobs(state);
  for (Job& job : state.jobs) {
    if (alive(job)) job.ending = Ending::cancel;
  }
  finish_ending_jobs(state);
}

void note_guest_write(State& state, const Node& node, Number start, Number end) {
  for (Job& job : state.jobs) {
    const bool mirrored = job.active() && node.id == job.top;
    if (!alive(job) || (!mirrored && node.id != job.base)) continue;
    Runs written;
    written.add(start, end);
    if (mirrored) {
      written = widened(written, job.granularity, state.files.at(node.file).size);
      Runs more = written;
      more.remove(job.fresh);
      more.remove(job.bulk);
      job.fresh_least += more.total();
      job.fresh_most += written.total();
      job.fresh.add(written);
      job.crossed.remove(written);
      doom(state, job, written);
    } else {
      Runs elsewhere = pending_copies(state, node), here = elsewhere;
      elsewhere.remove(written);
      here.remove(elsewhere);
      written = here;
      job.crossed.add(here);
      job.met = true;
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

/// M56: all between top and base, and a top that no device has.
std::set<std::string> unreadable(const State& state) {
  std::set<std::string> files = state.unreadable;
  for (const Job& job : state.jobs) {
    const auto top = std::ranges::find(job.held, job.top);
    for (auto node = top; node != job.held.end() && *node != job.base; ++node) {
      if (node != top || !job.active()) files.insert(state.nodes.at(*node).file);
    }
  }
  return files;
}

bool holds_guests(const State& state, const Node& node) {
  return std::ranges::any_of(state.jobs, [&node](const Job& job) {
    return job.active() && job.status == Status::pending && job.filter == node.id;
  });
}

bool busy_with_commit(const State& state, int node) {
  return std::ranges::any_of(state.jobs, [node](const Job& job) {
    return std::ranges::find(job.held, node) != job.held.end();
  });
}

}  // namespace model
