// SPDX-License-Identifier: MIT
#include "sim/qmp_door.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "sim/usage_error.h"

namespace sim {

namespace {

/// False if the path is too long for an address.
bool make_address(const std::string& path, sockaddr_un& address) {
  address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return true;
}

const sockaddr* as_address(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

QmpDoor::QmpDoor() : listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_un address;
  const bool made = make_address(path_, address) &&
                    bind(listener_.number(), as_address(address), sizeof address) == 0 &&
                    listen(listener_.number(), 1) == 0;
  if (!made) throw UsageError(path_ + ": cannot listen: " + std::strerror(errno));
}

Descriptor QmpDoor::accept() {
  return Descriptor(accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

Descriptor connect_to(const std::string& path) {
  sockaddr_un address;
  if (!make_address(path, address)) {
    errno = ENAMETOOLONG;
    return Descriptor();
  }
  // One that waits would wait for ever where nobody accepts.
  Descriptor result(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connect(result.number(), as_address(address), sizeof address) != 0) {
    const int error = errno;
    result.close();
    errno = error;
  }
  return result;
}

}  // namespace sim
