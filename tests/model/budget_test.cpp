// SPDX-License-Identifier: MIT
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/catch.h"

namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<fs::path> sources() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(fs::path(SOURCE_DIR) / "model")) {
    const auto extension = entry.path().extension();
    if (extension == ".cpp" || extension == ".h") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// A ratchet: it goes down, and up only for what joins: a command, writes in flight.
TEST_CASE("the model stays within its budget of lines") {
  const std::size_t budget = 3700;
  std::size_t total = 0;
  for (const fs::path& path : sources()) total += lines_of(path).size();
  INFO("lines: " << total << ", budget: " << budget);
  CHECK(total <= budget);
  CHECK(total + 20 > budget);
}

/// A function starts at an unindented line that ends in "{" and ends at an unindented "}".
TEST_CASE("no function of the model is longer than 30 lines, but for tables") {
  for (const fs::path& path : sources()) {
    const std::vector<std::string> lines = lines_of(path);
    std::size_t start = 0;
    for (std::size_t at = 0; at < lines.size(); ++at) {
      const std::string& line = lines[at];
      const bool opens = !line.empty() && line[0] != ' ' && line.ends_with("{");
      if (opens) start = at;
      if (line != "}" || lines[start].find('(') == std::string::npos) continue;
      const bool table = lines[start].find("std::map<") != std::string::npos;
      INFO(path.filename() << ":" << start + 1 << " " << lines[start]);
      CHECK((table || at - start + 1 <= 30));
    }
  }
}

TEST_CASE("the model knows nothing of engine and sim") {
  for (const fs::path& path : sources()) {
    for (const std::string& line : lines_of(path)) {
      INFO(path.filename() << ": " << line);
      CHECK(!line.starts_with("#include \"engine/"));
      CHECK(!line.starts_with("#include \"sim/"));
    }
  }
}

}  // namespace
