// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "sim/fuzz/program.h"

namespace sim::fuzz {

/// Tells how a program fails; nothing if it does not.
using Trial = std::function<std::optional<Failure>(const Program&)>;

/// A program that still fails in the same way (by its signature) and from which no line can be
/// taken, and no argument or number made simpler, without its failing otherwise or not at all; or
/// the best found after `trials` tries.
struct Shrunk {
  Program program;
  Failure failure;
  unsigned trials;
};
Shrunk shrink(const Program& program, const Failure& failure, const Trial& trial, unsigned trials);

}  // namespace sim::fuzz
