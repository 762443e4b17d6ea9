// SPDX-License-Identifier: MIT
#include "sim/workspace.h"

#include <cstdlib>
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

std::string make_temporary_directory() {
  const char* parent = std::getenv("TMPDIR");
  std::string pattern =
      std::string(parent != nullptr && *parent != '\0' ? parent : "/tmp") + "/blocktwin-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) {
    throw UsageError(pattern + ": cannot make a temporary directory");
  }
  return fs::absolute(pattern).string();
}

}  // namespace

Workspace::Workspace(const std::string& kept) : temporary_(kept.empty()) {
  if (temporary_) {
    root_ = make_temporary_directory();
    return;
  }
  std::error_code error;
  fs::create_directories(kept, error);
  if (error || !fs::is_directory(kept)) {
    throw UsageError(kept + ": cannot be made a directory for images" +
                     (error ? ": " + error.message() : ""));
  }
  root_ = fs::canonical(kept).string();
}

Workspace::~Workspace() {
  std::error_code ignored;
  if (temporary_) fs::remove_all(root_, ignored);
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

}  // namespace sim
