// SPDX-License-Identifier: MIT
#include "engine/job/status.h"

#include <array>
#include <cstddef>

namespace engine::job {
namespace {

constexpr std::array<std::string_view, 10> status_names{
    "created", "running", "paused",   "ready",     "standby",
    "waiting", "pending", "aborting", "concluded", "null"};
constexpr std::array<std::string_view, 7> verb_names{"cancel",   "pause",    "resume", "set-speed",
                                                     "complete", "finalize", "dismiss"};

/// The states in which a verb is accepted, by their letters in rule S83, in the order of Status.
constexpr std::string_view status_letters = "CRPYSWDXEN";
constexpr std::array<std::string_view, 7> accepting{"CRPYSWD", "CRPYS", "CRPYS", "CRPYS",
                                                    "YS",      "D",     "E"};

}  // namespace

std::string_view to_string(Status status) { return status_names[static_cast<std::size_t>(status)]; }

std::string_view to_string(Verb verb) { return verb_names[static_cast<std::size_t>(verb)]; }

bool accepts(Status status, Verb verb) {
  const char letter = status_letters[static_cast<std::size_t>(status)];
  return accepting[static_cast<std::size_t>(verb)].find(letter) != std::string_view::npos;
}

}  // namespace engine::job
