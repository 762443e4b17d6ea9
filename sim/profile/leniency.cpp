// SPDX-License-Identifier: MIT
#include "sim/profile/leniency.h"

#include <iterator>

#include "sim/profile/changes.h"

namespace sim {

namespace {

using Aspect = Leniency::Aspect;

constexpr Leniency table[] = {
    {Aspect::error_text, "texts of errors",
     "An error's desc is for humans and is reworded from release to release; clients are told to "
     "go by its class."},
    {Aspect::extra_field, "additional fields",
     "QMP grows by adding fields, and clients must ignore those that they do not know; fields that "
     "were deprecated are removed after two releases: an older release shows more."},
    {Aspect::request_words, "words of failed guest requests",
     "qemu-io prints for humans; nothing promises its words."},
};

}  // namespace

std::vector<Leniency> leniencies_for(const std::optional<Version>& version) {
  if (version && changes::are_known_of(*version)) return {};
  return {std::begin(table), std::end(table)};
}

}  // namespace sim
