// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "sim/temporary_directory.h"

namespace sim {

/// The directory in which subjects with real files work: one that the user named and keeps, or a
/// temporary one that goes with this object.
class Workspace {
 public:
  /// An empty `kept` asks for a temporary directory below `parent`, which is made at once. Throws
  /// UsageError if `kept` cannot be made.
  explicit Workspace(const std::string& kept, const std::string& parent = usual_parent());

  /// An empty directory for one testcase on one subject; what an earlier run left is removed.
  std::string place(const std::string& subject, const std::string& scenario,
                    const std::string& testcase);

 private:
  std::optional<TemporaryDirectory> temporary_;
  std::string root_;
};

/// While it lives, no other run works in a directory that the user named: each would delete what
/// the other needs.
class DirectoryLock {
 public:
  /// Makes the directory if it is not there; an empty name locks nothing. Throws UsageError if that
  /// fails, or somebody else is there. Processes that we fork share it.
  explicit DirectoryLock(const std::string& directory);

 private:
  Descriptor lock_;
};

}  // namespace sim
