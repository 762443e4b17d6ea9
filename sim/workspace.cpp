// SPDX-License-Identifier: MIT
#include "sim/workspace.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>

#include "sim/usage_error.h"

namespace sim {

namespace fs = std::filesystem;

namespace {

/// A file name that still tells the title.
std::string file_name(const std::string& title) {
  constexpr std::size_t longest = 100;
  std::string name;
  for (const char c : title.substr(0, longest)) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) || c == '=' || c == '.' || c == '_';
    name.push_back(plain ? c : '-');
  }
  return name;
}

void make_directory(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error || !fs::is_directory(path)) {
    throw UsageError(path + ": cannot be made a directory for images" +
                     (error ? ": " + error.message() : ""));
  }
}

}  // namespace

Workspace::Workspace(const std::string& kept, const std::string& parent) {
  if (kept.empty()) {
    root_ = temporary_.emplace(parent).path();
    return;
  }
  make_directory(kept);
  root_ = fs::canonical(kept).string();
}

std::string Workspace::place(const std::string& subject, const std::string& scenario,
                             const std::string& testcase) {
  const fs::path place = fs::path(root_) / file_name(subject) / scenario / file_name(testcase);
  std::error_code error;
  fs::remove_all(place, error);
  fs::create_directories(place, error);
  if (error) throw UsageError(place.string() + ": " + error.message());
  return place.string();
}

DirectoryLock::DirectoryLock(const std::string& directory) {
  if (directory.empty()) return;
  make_directory(directory);
  lock_ = Descriptor(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // A file system that knows no locks is no reason not to run.
  if (flock(lock_.number(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    throw UsageError(directory + ": another run of blocktwin works there");
  }
}

}  // namespace sim
