// SPDX-License-Identifier: MIT
#include "sim/fuzz/profile.h"

#include <algorithm>

#include "sim/usage_error.h"

namespace sim::fuzz {

namespace {

const std::vector<Profile::Share> observations = {{Kind::see_bitmaps, 6},
                                                  {Kind::see_dirty, 8},
                                                  {Kind::see_data, 3},
                                                  {Kind::see_info, 2},
                                                  {Kind::ask, 3}};
const std::vector<Profile::Share> guest = {
    {Kind::write, 24}, {Kind::zero, 4}, {Kind::discard, 4}, {Kind::flush, 2}, {Kind::read, 2}};
const std::vector<Profile::Share> bitmaps = {{Kind::add, 10},    {Kind::remove, 3},
                                             {Kind::clear, 4},   {Kind::enable, 3},
                                             {Kind::disable, 3}, {Kind::merge, 6}};
const std::vector<Profile::Share> jobs = {
    {Kind::snapshot, 6}, {Kind::commit, 6}, {Kind::job_verb, 9}, {Kind::wait, 7}, {Kind::pace, 4}};
const std::vector<Profile::Share> ends = {{Kind::restart, 3}, {Kind::kill, 2}};
const std::vector<Profile::Share> crashes = {{Kind::restart, 4}, {Kind::kill, 10}};
const std::vector<Profile::Share> disks = {{Kind::resize, 3}};

Profile made_of(const std::string& name,
                std::initializer_list<const std::vector<Profile::Share>*> parts) {
  Profile profile{name, observations};
  for (const auto* part : parts) {
    profile.shares.insert(profile.shares.end(), part->begin(), part->end());
  }
  return profile;
}

const std::vector<Profile>& profiles() {
  static const std::vector<Profile> all = {
      made_of("default", {&guest, &bitmaps, &jobs, &disks, &ends}),
      made_of("bitmaps", {&guest, &bitmaps, &disks, &ends}),
      made_of("jobs", {&guest, &bitmaps, &jobs, &jobs}),
      made_of("crash", {&guest, &bitmaps, &jobs, &crashes})};
  return all;
}

}  // namespace

Profile find_profile(const std::string& name) {
  std::string known;
  for (const Profile& profile : profiles()) {
    if (profile.name == name) return profile;
    known += (known.empty() ? "" : ", ") + profile.name;
  }
  throw UsageError("there is no profile '" + name + "' (there are " + known + ")");
}

}  // namespace sim::fuzz
