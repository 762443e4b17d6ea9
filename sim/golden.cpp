// SPDX-License-Identifier: MIT
#include "sim/golden.h"

#include <filesystem>

#include "sim/text_file.h"

namespace sim {

namespace fs = std::filesystem;

std::optional<std::string> read_golden(const std::string& path) {
  if (!fs::exists(path)) return std::nullopt;
  return read_text(path);
}

bool bless(const std::string& path, const std::string& text) {
  if (read_golden(path) == text) return false;
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);  // write_text tells of it
  write_text(path, text);
  return true;
}

}  // namespace sim
