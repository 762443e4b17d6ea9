// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "sim/version.h"

namespace sim {

/// Something that is not compared with some releases of QEMU.
struct Leniency {
  enum class Aspect {
    error_text,    ///< the words of an error; its class is compared, and that there is one
    extra_field,   ///< fields that the exact release does not have
    request_words  ///< what qemu-io prints of a failed request; that it failed is compared
  };

  Aspect aspect;
  std::optional<Version> since;   ///< the first release that it holds for; nothing: all before, too
  std::optional<Version> before;  ///< the first release that it holds for no more
  const char* what;               ///< for a report: "texts of errors"
  const char* reason;
};

/// What is not compared with a program of that version; nothing stands for an unknown version, for
/// which every entry holds.
std::vector<Leniency> leniencies_for(const std::optional<Version>& version);

}  // namespace sim
