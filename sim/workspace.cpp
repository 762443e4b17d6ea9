// SPDX-License-Identifier: MIT
#include "sim/workspace.h"

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

}  // namespace

Workspace::Workspace(const std::string& kept, const std::string& parent) {
  if (kept.empty()) {
    root_ = temporary_.emplace(parent).path();
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
