// SPDX-License-Identifier: MIT
#include "sim/fuzz/profile.h"

#include <algorithm>

#include "sim/usage_error.h"

namespace sim::fuzz {

namespace {

using Shares = std::vector<Profile::Share>;

const Shares observations = {{Kind::see_bitmaps, 6}, {Kind::see_dirty, 8}, {Kind::see_data, 3},
                             {Kind::see_info, 2},    {Kind::see_hash, 1},  {Kind::ask, 3}};
const Shares guest = {{Kind::write, 24},  {Kind::aio_write, 10}, {Kind::zero, 4},
                      {Kind::discard, 4}, {Kind::flush, 2},      {Kind::read, 2}};
const Shares bitmaps = {{Kind::add, 10},   {Kind::remove, 3},  {Kind::clear, 4},
                        {Kind::enable, 3}, {Kind::disable, 3}, {Kind::merge, 6}};
const Shares chains = {
    {Kind::snapshot, 6}, {Kind::commit, 6}, {Kind::job_verb, 9}, {Kind::wait, 7}, {Kind::pace, 4}};
const Shares ends = {{Kind::restart, 3}, {Kind::kill, 1}, {Kind::power, 1}, {Kind::cut_short, 1}};
const Shares crashes = {
    {Kind::restart, 4}, {Kind::kill, 4}, {Kind::power, 4}, {Kind::cut_short, 8}};
const Shares disks = {{Kind::resize, 3}};
const Shares oddities = {{Kind::nonsense, 6}, {Kind::side_story, 2}};
const Shares rare_faults = {{Kind::fault, 1}, {Kind::fault_story, 1}};
const Shares faults = {{Kind::fault, 10}, {Kind::fault_story, 6}};
const Shares mistakes = {{Kind::nonsense, 40}, {Kind::side_story, 12}};

Profile made_of(const std::string& name, const std::string& about,
                std::initializer_list<const Shares*> parts, unsigned mishaps = 0) {
  Profile profile{name, about, observations, mishaps};
  for (const Shares* part : parts) {
    profile.shares.insert(profile.shares.end(), part->begin(), part->end());
  }
  return profile;
}

}  // namespace

const std::vector<Profile>& profiles() {
  static const std::vector<Profile> all = {
      made_of("default", "all of it",
              {&guest, &bitmaps, &chains, &disks, &ends, &oddities, &rare_faults}),
      made_of("bitmaps", "bitmaps, resizes, restarts; no chain changes, no jobs",
              {&guest, &bitmaps, &disks, &ends}),
      made_of("jobs", "snapshots and commits, with the guest at work",
              {&guest, &bitmaps, &chains, &chains}),
      made_of("crash", "processes that die, again and again",
              {&guest, &bitmaps, &chains, &crashes}),
      made_of("errors", "what is refused, and storage that fails",
              {&guest, &bitmaps, &chains, &disks, &ends, &mistakes, &faults}),
      made_of("mishaps", "one storage operation of the engine fails",
              {&guest, &bitmaps, &chains, &disks, &ends}, 100)};
  return all;
}

Profile find_profile(const std::string& name) {
  std::string known;
  for (const Profile& profile : profiles()) {
    if (profile.name == name) return profile;
    known += (known.empty() ? "" : ", ") + profile.name;
  }
  throw UsageError("there is no profile '" + name + "' (there are " + known + ")");
}

}  // namespace sim::fuzz
