// SPDX-License-Identifier: MIT
// Taste as a test: what docs/design.md says of the house, checked on the sources themselves.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/catch.h"

namespace {

namespace fs = std::filesystem;

struct Source {
  std::string path;  ///< relative to the root, e.g. "engine/io/task.h"
  std::vector<std::string> lines;

  bool header() const { return path.ends_with(".h"); }
  bool in(const std::string& folder) const { return path.starts_with(folder + "/"); }
};

std::vector<Source> sources_below(const std::vector<std::string>& folders) {
  const fs::path root = SOURCE_DIR;
  std::vector<Source> sources;
  for (const std::string& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const fs::path extension = entry.path().extension();
      if (extension != ".h" && extension != ".cpp") continue;
      Source source{fs::relative(entry.path(), root).generic_string(), {}};
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) source.lines.push_back(line);
      sources.push_back(std::move(source));
    }
  }
  return sources;
}

/// The paths named by `#include "…"` lines.
std::vector<std::string> project_includes(const Source& source) {
  std::vector<std::string> paths;
  for (const std::string& line : source.lines) {
    if (!line.starts_with("#include \"")) continue;
    paths.push_back(line.substr(10, line.rfind('"') - 10));
  }
  return paths;
}

std::string top_folder(const std::string& path) { return path.substr(0, path.find('/')); }

/// The engine's subject, what implements the engine's seam, and what is about the engine.
bool knows_the_engine(const std::string& path) {
  constexpr const char* files[] = {"sim/subject_engine.", "sim/disk",    "sim/failing_storage.",
                                   "sim/world.",          "sim/images.", "sim/bench/",
                                   "sim/cli/img_"};
  return std::any_of(std::begin(files), std::end(files),
                     [&](const char* each) { return path.starts_with(each); });
}

/// Why `source` may not include `path`; empty if it may.
std::string include_fault(const Source& source, const std::string& path) {
  const std::string from = top_folder(source.path), to = top_folder(path);
  if (from == "model" && to != "model") return "model knows nobody";
  if (from == "engine" && to != "engine") return "engine knows nobody";
  if (from != "sim") return {};
  if (to == "model" && !source.path.starts_with("sim/subject_model")) {
    return "only the model's subject includes model headers";
  }
  if (to == "engine" && !knows_the_engine(source.path)) {
    return "who judges the engine, or writes for those who do, has nothing of it";
  }
  const bool door = path.starts_with("engine/qmp/") || path.starts_with("engine/block/") ||
                    path.starts_with("engine/job/");
  if (door && !source.path.starts_with("sim/subject_engine.") &&
      !source.path.starts_with("sim/images.") && !source.path.starts_with("sim/bench")) {
    return "only the engine's subject, its images and the benchmark reach the engine's inside";
  }
  return {};
}

std::vector<std::string> include_faults(const std::vector<Source>& sources) {
  std::vector<std::string> faults;
  for (const Source& source : sources) {
    for (const std::string& path : project_includes(source)) {
      const std::string fault = include_fault(source, path);
      if (!fault.empty()) faults.push_back(source.path + " includes " + path + ": " + fault);
    }
  }
  return faults;
}

/// The longest function that starts and ends in column 0 (clang-format puts them all there but
/// those inside classes), in lines.
std::size_t longest_function(const Source& source) {
  std::size_t longest = 0, start = 0;
  bool inside = false;
  for (std::size_t i = 0; i < source.lines.size(); ++i) {
    const std::string& line = source.lines[i];
    const bool flush = !line.empty() && line[0] != ' ' && line[0] != '#' && line[0] != '/';
    if (flush && !inside && line.ends_with('{')) {
      inside = line.find('(') != std::string::npos || line.find(')') != std::string::npos;
      start = i;
    } else if (inside && line.starts_with('}')) {
      longest = std::max(longest, i - start + 1);
      inside = false;
    }
  }
  return longest;
}

const std::vector<std::string> production = {"engine", "model", "sim"};

}  // namespace

TEST_CASE("parts include only what the house allows") {
  const std::vector<Source> sources = sources_below(production);
  REQUIRE(sources.size() > 20);
  for (const std::string& fault : include_faults(sources)) {
    INFO(fault);
    CHECK(false);
  }
}

TEST_CASE("canary: a forbidden include is seen") {
  REQUIRE(include_faults({{"model/a.cpp", {"#include \"engine/error.h\""}},
                          {"engine/io/a.cpp", {"#include \"sim/choice.h\""}},
                          {"sim/runner.cpp", {"#include \"model/model.h\""}},
                          {"sim/runner.cpp", {"#include \"engine/qmp/monitor.h\""}},
                          {"sim/verdict.cpp", {"#include \"engine/bitmap/dirty_bits.h\""}},
                          {"sim/bench/a.cpp", {"#include \"engine/io/task.h\""}}})
              .size() == 5);
}

TEST_CASE("files and functions stay readable") {
  for (const Source& source : sources_below({"engine", "model", "sim", "tests"})) {
    INFO(source.path << ": " << source.lines.size() << " lines, longest function "
                     << longest_function(source));
    const bool test = source.in("tests");
    CHECK(source.lines.size() <= (test ? 600u : source.header() ? 220u : 450u));
    CHECK(longest_function(source) <= (test ? 90u : 70u));
    REQUIRE_FALSE(source.lines.empty());
    CHECK(source.lines[0] == "// SPDX-License-Identifier: MIT");
  }
}

TEST_CASE("canary: a long function is measured") {
  Source source{"a.cpp", {"int f() {"}};
  source.lines.resize(80, "  g();");
  source.lines.push_back("}");
  REQUIRE(longest_function(source) == 81);
}

TEST_CASE("public classes and functions are explained") {
  for (const Source& source : sources_below(production)) {
    if (!source.header()) continue;
    for (std::size_t i = 1; i < source.lines.size(); ++i) {
      const std::string& line = source.lines[i];
      const bool type = line.starts_with("class ") || line.starts_with("struct ");
      if (!type || !line.ends_with('{')) continue;
      std::size_t above = i - 1;
      if (source.lines[above].starts_with("template <")) --above;
      INFO(source.path << ":" << i + 1 << ": " << line);
      CHECK(source.lines[above].starts_with("///"));
    }
  }
}

TEST_CASE("no path of one machine and nothing left open") {
  // Spelled in two halves so that this file does not find itself.
  const std::vector<std::string> banned = {std::string("TO") + "DO", std::string("FIX") + "ME",
                                           std::string("/wo") + "rk/", std::string("/ro") + "ot/"};
  for (const Source& source : sources_below({"engine", "model", "sim", "tests"})) {
    for (const std::string& line : source.lines) {
      for (const std::string& word : banned) {
        INFO(source.path << ": " << line);
        CHECK(line.find(word) == std::string::npos);
      }
    }
  }
}

TEST_CASE("the top level stays short") {
  const std::set<std::string> agreed = {"CMakeLists.txt", "CMakePresets.json",
                                        "LICENSE",        "README.md",
                                        "blocktwin",      "build",
                                        "docs",           "engine",
                                        "golden",         "model",
                                        "scenarios",      "sim",
                                        "tests",          "fuzz-failures",
                                        "mutant-failures"};
  for (const auto& entry : fs::directory_iterator(SOURCE_DIR)) {
    const std::string name = entry.path().filename();
    if (name.starts_with('.')) continue;
    INFO(name);
    CHECK(agreed.contains(name));
  }
}
