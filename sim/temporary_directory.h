// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/child.h"

namespace sim {

/// A new directory that only we may enter. It goes with this object and all that it holds. A lock
/// tells others that somebody is there; what lies about without one belonged to a process that was
/// killed, and goes when the next one makes a directory beside it.
class TemporaryDirectory {
 public:
  /// Throws UsageError if none can be made below `parent`.
  explicit TemporaryDirectory(const std::string& parent);
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  /// Its absolute path.
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
  Descriptor lock_;
};

/// Where temporary files go: TMPDIR, or else /tmp.
std::string usual_parent();
/// Where small ones go that are flushed often: TMPDIR, or else memory, if there is room enough.
std::string quick_parent();
/// The same for directories that hold sockets, whose addresses must be short.
std::string parent_of_sockets();

}  // namespace sim
