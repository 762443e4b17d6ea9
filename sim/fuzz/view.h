// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/subject.h"

namespace sim::fuzz {

/// What the model says there is: what a client who is in his senses chooses from.
struct View {
  struct Node {
    std::string name;
    std::uint64_t size;  ///< in bytes
    std::string file;
  };
  struct Bitmap {
    std::string node;
    std::string name;
  };
  struct Job {
    std::string id;
    std::string status;
  };
  std::string file;  ///< what the drive shows to the guest; empty: no drive is plugged
  std::uint64_t size = 0;
  std::uint64_t depth = 0;  ///< how many images are below it
  std::vector<Node> nodes;
  std::vector<Bitmap> bitmaps;
  std::vector<Job> jobs;
};

/// The id of the one drive that every run has.
inline constexpr const char* drive = "drive0";

/// Asks the queries of `model`. What it leaves open (several answers allowed) is as in `before`.
View look(Subject& model, const View& before);

}  // namespace sim::fuzz
