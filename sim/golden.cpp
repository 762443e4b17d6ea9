// SPDX-License-Identifier: MIT
#include "sim/golden.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "sim/usage_error.h"

namespace sim {

namespace fs = std::filesystem;

std::optional<std::string> read_golden(const std::string& path) {
  if (!fs::exists(path)) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in && !fs::is_directory(path)) text << in.rdbuf();
  if (!in || fs::is_directory(path)) throw UsageError(path + ": the golden cannot be read");
  return text.str();
}

bool bless(const std::string& path, const std::string& text) {
  if (read_golden(path) == text) return false;
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw UsageError(path + ": the golden cannot be written");
  return true;
}

}  // namespace sim
