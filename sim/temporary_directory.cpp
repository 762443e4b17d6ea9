// SPDX-License-Identifier: MIT
#include "sim/temporary_directory.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "sim/usage_error.h"

namespace sim {

namespace {

constexpr const char* fallback = "/tmp";
constexpr const char* memory = "/dev/shm";

/// Containers often have a very small one.
bool memory_has_room() {
  constexpr std::uintmax_t enough = 1 << 30;
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(memory, error);
  return !error && space.available >= enough && access(memory, W_OK | X_OK) == 0;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory(const std::string& parent)
    : path_(std::filesystem::absolute(parent) / "blocktwin-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) {
    throw UsageError(path_ + ": cannot make a temporary directory: " + std::strerror(errno));
  }
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string usual_parent() {
  const char* parent = std::getenv("TMPDIR");
  return parent != nullptr && *parent != '\0' ? parent : fallback;
}

std::string quick_parent() {
  const std::string parent = usual_parent();
  return parent == fallback && memory_has_room() ? memory : parent;
}

std::string parent_of_sockets() {
  // The address of a unix socket has room for 107 characters.
  constexpr std::size_t longest_parent = 60;
  const std::string usual = std::filesystem::absolute(usual_parent());
  return usual.size() <= longest_parent ? usual : fallback;
}

}  // namespace sim
