// SPDX-License-Identifier: MIT
#include "sim/private_directory.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "sim/usage_error.h"

namespace sim {

PrivateDirectory::PrivateDirectory() {
  // The address of a unix socket has room for 107 characters: a long TMPDIR gives way to /tmp.
  constexpr std::size_t longest_parent = 60;
  const char* parent = std::getenv("TMPDIR");
  const bool usable = parent != nullptr && *parent == '/' && std::strlen(parent) <= longest_parent;
  path_ = std::string(usable ? parent : "/tmp") + "/blocktwin-qmp-XXXXXX";
  if (mkdtemp(path_.data()) == nullptr) {
    throw UsageError(path_ + ": cannot make a directory for a socket: " + std::strerror(errno));
  }
}

PrivateDirectory::~PrivateDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace sim
