// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "sim/fuzz/program.h"

namespace sim::fuzz {

/// Tells how a program fails; nothing if it does not.
using Trial = std::function<std::optional<Failure>(const Program&)>;

/// Which failures shrinking takes for the one that it began with.
enum class Likeness {
  same,  ///< those of the same signature
  seen   ///< and all that a `show` or a query of jobs sees: for programs that are known to have one
         ///< fault
};

/// Whether `other` may take the place of `first`.
bool are_like(const Failure& first, const Failure& other, Likeness likeness);

/// A program that still fails and from which no line can be taken, no two names made one and no
/// argument or number simpler, without its failing otherwise or not at all; or the best found after
/// `trials` tries.
struct Shrunk {
  Program program;
  Failure failure;
  unsigned trials;
};
Shrunk shrink(const Program& program, const Failure& failure, const Trial& trial, unsigned trials,
              Likeness likeness = Likeness::same);

}  // namespace sim::fuzz
