// SPDX-License-Identifier: MIT
#include "sim/temporary_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <set>
#include <string_view>

#include "sim/usage_error.h"

namespace sim {

namespace {

constexpr const char* fallback = "/tmp";
constexpr const char* memory = "/dev/shm";
constexpr std::string_view start_of_names = "blocktwin.";

/// Containers often have a very small one.
bool memory_has_room() {
  constexpr std::uintmax_t enough = 1 << 30;
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(memory, error);
  return !error && space.available >= enough && access(memory, W_OK | X_OK) == 0;
}

Descriptor open_directory(const std::string& path) {
  return Descriptor(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/// Whether this is a directory of ours in which nobody works any more. `directory` locks it then.
bool is_left_behind(const Descriptor& directory) {
  struct stat status {};
  return directory.number() >= 0 && fstat(directory.number(), &status) == 0 &&
         status.st_uid == geteuid() && flock(directory.number(), LOCK_EX | LOCK_NB) == 0;
}

/// Removes what killed processes left; once for each parent.
void collect(const std::filesystem::path& parent) {
  static std::mutex mutex;
  static std::set<std::string> collected;
  const std::lock_guard lock(mutex);
  if (!collected.insert(parent.string()).second) return;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(parent, ignored)) {
    if (!entry.path().filename().string().starts_with(start_of_names)) continue;
    const Descriptor directory = open_directory(entry.path().string());
    if (is_left_behind(directory)) std::filesystem::remove_all(entry.path(), ignored);
  }
}

}  // namespace

/// Before it is locked, somebody may take it for one that was left behind.
TemporaryDirectory::TemporaryDirectory(const std::string& parent) {
  const std::filesystem::path place = std::filesystem::absolute(parent);
  collect(place);
  do {
    path_ = (place / (std::string(start_of_names) + "XXXXXX")).string();
    if (mkdtemp(path_.data()) == nullptr) {
      throw UsageError(path_ + ": cannot make a temporary directory: " + std::strerror(errno));
    }
    lock_ = open_directory(path_);
    if (lock_.number() >= 0) flock(lock_.number(), LOCK_EX);
  } while (access(path_.c_str(), F_OK) != 0);
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
