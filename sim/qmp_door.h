// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/child.h"
#include "sim/temporary_directory.h"

namespace sim {

/// A unix socket on which we listen, where only we may enter.
class QmpDoor {
 public:
  /// Throws UsageError if it cannot be made.
  QmpDoor();

  const std::string& path() const { return path_; }
  const Descriptor& listener() const { return listener_; }
  /// Who connected; none if nobody did yet.
  Descriptor accept();

 private:
  TemporaryDirectory directory_{parent_of_sockets()};
  std::string path_ = directory_ / "qmp";
  Descriptor listener_;
};

/// Connects to a unix socket. None, with errno set, if nobody listens there.
Descriptor connect_to(const std::string& path);

}  // namespace sim
