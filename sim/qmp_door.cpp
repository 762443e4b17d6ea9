// SPDX-License-Identifier: MIT
#include "sim/qmp_door.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "sim/usage_error.h"

namespace sim {

namespace {

/// A socket's path must fit into its address; a long TMPDIR gives way to /tmp.
std::string pattern_for_directory() {
  constexpr std::size_t longest_parent = 60;
  const char* parent = std::getenv("TMPDIR");
  const bool usable = parent != nullptr && *parent == '/' && std::strlen(parent) <= longest_parent;
  return std::string(usable ? parent : "/tmp") + "/blocktwin-qmp-XXXXXX";
}

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

QmpDoor::QmpDoor() {
  std::string pattern = pattern_for_directory();
  if (mkdtemp(pattern.data()) == nullptr) {
    throw UsageError(pattern + ": cannot make a directory for a socket: " + std::strerror(errno));
  }
  directory_ = pattern;
  path_ = directory_ + "/qmp";
  listener_ = Descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address;
  make_address(path_, address);
  if (bind(listener_.number(), as_address(address), sizeof address) != 0 ||
      listen(listener_.number(), 1) != 0) {
    const std::string reason = std::strerror(errno);
    rmdir(directory_.c_str());
    throw UsageError(path_ + ": cannot listen: " + reason);
  }
}

QmpDoor::~QmpDoor() {
  unlink(path_.c_str());
  rmdir(directory_.c_str());
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
  Descriptor result(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(result.number(), as_address(address), sizeof address) != 0) {
    const int error = errno;
    result.close();
    errno = error;
    return result;
  }
  fcntl(result.number(), F_SETFL, fcntl(result.number(), F_GETFL) | O_NONBLOCK);
  return result;
}

}  // namespace sim
