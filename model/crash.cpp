// SPDX-License-Identifier: MIT
#include <set>

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

/// S64
void add_with_short_bases(std::vector<State>& states) {
  for (std::size_t i = 0, count = states.size(); i < count; ++i) {
    const std::vector<Job> jobs = states[i].jobs;
    for (const Job& job : jobs) {
      if (!may_be_short(states[i], job)) continue;
      State& state = states.emplace_back(states[i]);
      Image& base = state.files.at(state.nodes.at(job.base).file);
      base.size = job.old_size;
      erase(base.data, base.size, ~Number{0});
    }
  }
}

/// M46: the bitmaps of an image that turns writable are hidden for a moment, then in use.
void add_with_taken_bitmaps(std::vector<State>& states, const State& before) {
  std::set<std::string> taken;
  for (const State& state : states) {
    for (const auto& [file, image] : before.files) {
      if (image.openings < state.files.at(file).openings) taken.insert(file);
    }
  }
  for (const std::string& file : taken) {
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
  add_with_taken_bitmaps(states, before);
  die(states);
  return states;
}

}  // namespace model
