// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/child.h"

namespace sim {

/// A unix socket on which we listen, in a directory that only we may enter; both go with this.
class QmpDoor {
 public:
  /// Throws UsageError if no temporary directory can be made.
  QmpDoor();
  QmpDoor(const QmpDoor&) = delete;
  QmpDoor& operator=(const QmpDoor&) = delete;
  ~QmpDoor();

  const std::string& path() const { return path_; }
  const Descriptor& listener() const { return listener_; }
  /// Who connected; none if nobody did yet.
  Descriptor accept();

 private:
  std::string directory_, path_;
  Descriptor listener_;
};

/// Connects to a unix socket. None, with errno set, if nobody listens there.
Descriptor connect_to(const std::string& path);

}  // namespace sim
