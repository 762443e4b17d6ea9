// SPDX-License-Identifier: MIT
#include <algorithm>

#include "model/model.h"
#include "model/parts.h"

namespace model {

namespace {

/// M7: who was told to end, or comes to an end by itself, may have done so.
void add_with_ended_jobs(std::vector<State>& states, const State& state) {
  states.push_back(state);
  if (!ending_jobs(state)) return;
  finish_ending_jobs(states.emplace_back(state));
}

bool in_use(const Image& image, const std::string& bitmap) {
  return std::ranges::any_of(image.directory, [&bitmap](const StoredBitmap& stored) {
    return stored.name == bitmap && stored.in_use;
  });
}

/// M46: whether the bitmaps of an image were taken into use, which hides them for a moment.
bool taken_into_use(const Image& before, const Image& after) {
  return std::ranges::any_of(before.directory, [&after](const StoredBitmap& stored) {
    return !stored.in_use && in_use(after, stored.name);
  });
}

void add_with_hidden_bitmaps(std::vector<State>& states, const State& before, const State& after) {
  for (const auto& [file, image] : before.files) {
    const auto later = after.files.find(file);
    if (later == after.files.end() || !taken_into_use(image, later->second)) continue;
    states.emplace_back(before).files.at(file).directory.clear();
  }
}

/// S64
void add_with_short_bases(std::vector<State>& states) {
  for (std::size_t i = 0, count = states.size(); i < count; ++i) {
    for (const Job& job : State(states[i]).jobs) {
      if (!may_be_short(states[i], job)) continue;
      State& state = states.emplace_back(states[i]);
      Image& base = state.files.at(state.nodes.at(job.base).file);
      base.size = job.old_size;
      erase(base.data, base.size, ~Number{0});
    }
  }
}

/// S76: a read-only overlay of a commit is writable for a moment, and its bitmaps are taken into
/// use.
void add_with_rewritten_overlays(std::vector<State>& states, const State& moving) {
  for (const Job& job : moving.jobs) {
    if (job.active() || !moving.nodes.at(job.overlay).read_only) continue;
    const std::string& file = moving.nodes.at(job.overlay).file;
    for (std::size_t i = 0, count = states.size(); i < count; ++i) {
      State used = states[i], hidden = states[i];
      for (StoredBitmap& stored : used.files.at(file).directory) stored.in_use = true;
      hidden.files.at(file).directory.clear();
      states.insert(states.end(), {used, hidden});
    }
  }
}

void die(std::vector<State>& states) {
  for (State& state : states) stop(state, Stop::kill);
}

}  // namespace

std::vector<State> crash(const State& state) {
  std::vector<State> states;
  add_with_ended_jobs(states, state);
  add_with_short_bases(states);
  die(states);
  return states;
}

std::vector<State> crash(const State& before, const State& after) {
  std::vector<State> states;
  add_with_ended_jobs(states, before);
  add_with_ended_jobs(states, after);
  add_with_short_bases(states);
  add_with_hidden_bitmaps(states, before, after);
  add_with_rewritten_overlays(states, before.jobs.empty() ? after : before);
  die(states);
  return states;
}

}  // namespace model
