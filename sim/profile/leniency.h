// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "sim/version.h"

namespace sim {

/// Something that is not compared with releases of QEMU whose words are not known.
struct Leniency {
  enum class Aspect {
    error_text,    ///< the words of an error; its class is compared, and that there is one
    extra_field,   ///< fields that 7.2 does not have
    request_words  ///< what qemu-io prints of a failed request; that it failed is compared
  };

  Aspect aspect;
  const char* what;  ///< for a report: "texts of errors"
  const char* reason;
};

/// What is not compared with a program of that version: nothing where all that it says otherwise is
/// known (changes.h). An absent version stands for an unknown one.
std::vector<Leniency> leniencies_for(const std::optional<Version>& version);

}  // namespace sim
