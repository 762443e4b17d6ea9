// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace sim {

/// A temporary directory that only we may enter, for sockets: its path is short enough for an
/// address. It goes with this object and all that it holds.
class PrivateDirectory {
 public:
  /// Throws UsageError if it cannot be made.
  PrivateDirectory();
  PrivateDirectory(const PrivateDirectory&) = delete;
  PrivateDirectory& operator=(const PrivateDirectory&) = delete;
  ~PrivateDirectory();

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace sim
