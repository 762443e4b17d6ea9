// SPDX-License-Identifier: MIT
#include "sim/scenario.h"

#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <filesystem>

#include "sim/script/spelling.h"

namespace sim {

namespace fs = std::filesystem;

namespace {

bool is_project(const fs::path& directory) {
  std::error_code error;
  return fs::is_directory(directory / "scenarios", error);
}

fs::path program_directory() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? fs::path(std::string(path, static_cast<std::size_t>(length))).parent_path()
                    : fs::path();
}

/// `path` below `root`/scenarios, without its ending; empty if it is elsewhere.
std::string name_in_project(const std::string& path, const Project& project) {
  std::error_code error;
  const fs::path home = fs::weakly_canonical(fs::path(project.root) / "scenarios", error);
  const fs::path place = fs::weakly_canonical(path, error);
  const fs::path relative = place.lexically_relative(home);
  if (relative.empty() || *relative.begin() == "..") return {};
  return fs::path(relative).replace_extension().generic_string();
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw script::ScriptError(path + ": " + why);
}

std::vector<std::string> scenarios_below(const std::string& directory) {
  std::vector<std::string> found;
  try {
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
      if (entry.path().extension() == ".scenario") found.push_back(entry.path().generic_string());
    }
  } catch (const fs::filesystem_error& error) {
    refuse(directory, error.code().message());
  }
  if (found.empty()) refuse(directory, "holds no *.scenario");
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

Project find_project() {
  if (const char* root = std::getenv("BLOCKTWIN_ROOT"); root != nullptr && *root != '\0') {
    return {root};
  }
  for (fs::path at = program_directory(); !at.empty(); at = at.parent_path()) {
    if (is_project(at)) return {at.string()};
    if (at == at.root_path()) break;
  }
  return {"."};
}

std::string scenario_name(const std::string& path, const Project& project) {
  const std::string name = name_in_project(path, project);
  return name.empty() ? fs::path(path).stem().string() : name;
}

Scenario load_scenario(const std::string& path, const Project& project) {
  const script::Script script = script::parse_file(path);
  Scenario scenario;
  scenario.path = path;
  scenario.name = name_in_project(path, project);
  if (scenario.name.empty()) {
    scenario.name = fs::path(path).stem().string();
  } else {
    scenario.golden = (fs::path(project.root) / "golden" / (scenario.name + ".txt")).string();
  }
  scenario.titled = std::any_of(script.lines.begin(), script.lines.end(), [](const auto& line) {
    return std::holds_alternative<script::Testcase>(line.content);
  });
  for (const script::Line& line : script.lines) {
    const auto* unjudged = std::get_if<script::Unjudged>(&line.content);
    if (unjudged != nullptr) scenario.unjudged = unjudged->why;
  }
  const std::vector<script::Run> runs = script::runs(script, fs::path(path).stem().string());
  script::check_sense(script, runs);
  for (const script::Run& run : runs) {
    scenario.testcases.push_back({run.title, script::steps(script, run)});
    for (const Step& step : scenario.testcases.back().steps) script::check_spelling(step, path);
  }
  return scenario;
}

std::vector<std::string> find_scenarios(const std::vector<std::string>& paths,
                                        const Project& project) {
  if (paths.empty()) return scenarios_below((fs::path(project.root) / "scenarios").string());
  std::vector<std::string> found;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::exists(path, error)) refuse(path, "No such file or directory");
    if (!fs::is_directory(path, error)) {
      found.push_back(path);
      continue;
    }
    const std::vector<std::string> below = scenarios_below(path);
    found.insert(found.end(), below.begin(), below.end());
  }
  std::vector<std::string> once;
  for (const std::string& path : found) {
    if (std::find(once.begin(), once.end(), path) == once.end()) once.push_back(path);
  }
  return once;
}

}  // namespace sim
