// SPDX-License-Identifier: MIT
#include "sim/profile/leniency.h"

namespace sim {

namespace {

using Aspect = Leniency::Aspect;

/// The release whose words the model speaks begins here, and the next one there.
constexpr Version exact{7, 2, 0}, after{7, 2, 100};

/// The differences between releases. A release that needs more gets further entries.
constexpr Leniency table[] = {
    {Aspect::error_text, std::nullopt, exact, "texts of errors",
     "An error's desc is for humans and is reworded from release to release; clients are told to "
     "go "
     "by its class."},
    {Aspect::error_text, after, std::nullopt, "texts of errors",
     "As before 7.2: for example, later releases name the node in more messages of permission "
     "conflicts."},
    {Aspect::extra_field, after, std::nullopt, "additional fields",
     "QMP grows by adding fields, and clients must ignore those that they do not know: for example "
     "`actively-synced` of a mirror's job (8.2), `children` of image information (8.1)."},
    {Aspect::extra_field, std::nullopt, exact, "additional fields",
     "Fields that were deprecated are removed after two releases: an older release shows more."},
    {Aspect::request_words, std::nullopt, exact, "words of failed guest requests",
     "qemu-io prints for humans; nothing promises its words."},
    {Aspect::request_words, after, std::nullopt, "words of failed guest requests",
     "As before 7.2."},
};

bool holds_for(const Leniency& entry, const std::optional<Version>& version) {
  if (!version) return true;
  return (!entry.since || *version >= *entry.since) && (!entry.before || *version < *entry.before);
}

}  // namespace

std::vector<Leniency> leniencies_for(const std::optional<Version>& version) {
  std::vector<Leniency> result;
  for (const Leniency& entry : table) {
    if (holds_for(entry, version)) result.push_back(entry);
  }
  return result;
}

}  // namespace sim
