// SPDX-License-Identifier: MIT
#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "model/model.h"
#include "model/parts.h"

namespace model {

using nlohmann::json;

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
      if (image.openings.times < state.files.at(file).openings.times) taken.insert(file);
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

/// What a file may hold; nothing: it is not there.
using Choice = std::vector<std::optional<Image>>;

/// M46: what was being written is there in part, so each byte may be as in any of the images, up to
/// the last cluster's end (M36).
Extents mixed_data(const Choice& images, const Image& one) {
  const Number size = (one.size + one.cluster - 1) / one.cluster * one.cluster;
  Extents data;
  bool first = true;
  for (const std::optional<Image>& image : images) {
    if (!image) continue;
    if (std::exchange(first, false)) {
      data = image->data;
      erase(data, size, ~Number{0});
      continue;
    }
    walk(image->data, 0, size, [&data](Number from, const Extent& extent) {
      blend(data, from, extent.end, extent, {0, {}, true});
    });
  }
  return data;
}

void add_if_new(Choice& images, const std::optional<Image>& image) {
  if (std::ranges::find(images, image) == images.end()) images.push_back(image);
}

Choice choice_for(const std::vector<State>& states, const std::string& file) {
  Choice all, different;
  for (const State& state : states) {
    const auto found = state.files.find(file);
    add_if_new(all, found == state.files.end() ? std::nullopt : std::optional(found->second));
  }
  if (all.size() == 1) return all;
  for (std::optional<Image> image : all) {
    if (image) image->data = mixed_data(all, *image);
    add_if_new(different, image);
  }
  return different;
}

/// M46: files are changed one after the other, so each may be as in any of the states.
std::vector<State> mixed(const std::vector<State>& states) {
  if (states.size() == 1) return states;
  std::set<std::string> files;
  for (const State& state : states) {
    for (const auto& [file, image] : state.files) files.insert(file);
  }
  constexpr std::size_t most = 512;
  std::vector<State> result{states.front()};
  for (const std::string& file : files) {
    const Choice choice = choice_for(states, file);
    if (result.size() * choice.size() > most) throw Unknowable{};
    std::vector<State> next;
    for (const State& each : result) {
      for (const std::optional<Image>& image : choice) {
        State& state = next.emplace_back(each);
        if (image) state.files[file] = *image;
        if (!image) state.files.erase(file);
      }
    }
    result = std::move(next);
  }
  return result;
}

std::vector<State> dead(std::vector<State> states) {
  for (State& state : states) stop(state, Stop::kill);
  return mixed(states);
}

}  // namespace

std::vector<State> crash(const State& state) {
  std::vector<State> states;
  add_with_ended_jobs(states, state);
  add_with_short_bases(states);
  return dead(std::move(states));
}

std::vector<State> crash(const State& before, const State& after) {
  std::vector<State> states;
  add_with_ended_jobs(states, before);
  add_with_ended_jobs(states, after);
  add_with_short_bases(states);
  add_with_taken_bitmaps(states, before);
  return dead(std::move(states));
}

namespace {

/// M65: faults that strike once may have struck; who closed a file may flush it again.
State perhaps_struck(State state, const State& before) {
  state.faults = before.faults;
  state.unflushable.clear();
  for (auto& [place, fault] : state.faults) fault.certain = fault.certain && !fault.once;
  return state;
}

bool same_bitmaps(const State& left, const State& after) {
  return std::ranges::all_of(after.files, [&left](const auto& each) {
    const auto found = left.files.find(each.first);
    return found != left.files.end() && found->second.directory == each.second.directory;
  });
}

}  // namespace

/// M65
std::vector<Outcome> in_doubt(const State& before, bool tells,
                              const std::function<json(State&)>& step) {
  State after = before;
  after.faults.clear();
  after.unflushable.clear();
  const json reply = step(after);
  const bool opens = before.nodes.empty(), closes = after.nodes.empty();
  if ((!opens && !closes) || !after.jobs.empty()) throw Unknowable{};
  std::vector<Outcome> outcomes;
  if (!closes) outcomes.push_back({reply, perhaps_struck(after, before)});
  for (State& each : crash(before, after)) {
    State left = perhaps_struck(std::move(each), before);
    left.events = after.events;
    left.ended = after.ended;
    left.next_id = after.next_id;
    if (closes && (!tells || same_bitmaps(left, after))) outcomes.push_back({reply, left});
    if (opens || tells) outcomes.push_back({error_reply({anything}), std::move(left)});
  }
  return outcomes;
}

}  // namespace model
