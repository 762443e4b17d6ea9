// SPDX-License-Identifier: MIT
#include "sim/out_directory.h"

#include <unistd.h>

#include <filesystem>

#include "sim/usage_error.h"

namespace sim {

namespace fs = std::filesystem;

void check_out_directory(const std::string& directory) {
  std::error_code error;
  const bool made = fs::create_directories(directory, error);
  if (!error && access(directory.c_str(), W_OK | X_OK) != 0) {
    error.assign(errno, std::generic_category());
  }
  if (made) {
    std::error_code ignored;  // somebody else may use it already
    fs::remove(directory, ignored);
  }
  if (error) throw UsageError(directory + ": nothing can be written there: " + error.message());
}

}  // namespace sim
