// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>

namespace sim {

/// The user asked for something that cannot be: one line for standard error, exit status 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace sim
