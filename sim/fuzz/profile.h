// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace sim::fuzz {

/// What a step of a run may be.
enum class Kind {
  // guest I/O
  write,
  aio_write,
  zero,
  discard,
  flush,
  read,
  // bitmaps
  add,
  remove,
  clear,
  enable,
  disable,
  merge,
  // chain and jobs
  snapshot,
  commit,
  job_verb,
  wait,
  pace,
  // disk and process
  resize,
  restart,
  kill,
  power,      ///< a power cut between two steps
  cut_short,  ///< a kill or a power cut within a step
  fault,
  // lines that others wrote, see stories.h
  nonsense,
  side_story,
  fault_story,
  // observations
  see_bitmaps,
  see_dirty,
  see_data,
  see_info,
  see_hash,
  ask
};

/// What a campaign looks for: the kinds of steps that its runs choose from, and how often.
struct Profile {
  struct Share {
    Kind kind;
    unsigned weight;
  };
  std::string name;
  std::string about;  ///< what it looks for, for humans
  std::vector<Share> shares;
  unsigned mishaps = 0;  ///< in so many of a hundred runs one storage operation of a step fails
};

/// All that there are.
const std::vector<Profile>& profiles();

/// The profile of that name. Throws UsageError, which names those that there are.
Profile find_profile(const std::string& name);

}  // namespace sim::fuzz
