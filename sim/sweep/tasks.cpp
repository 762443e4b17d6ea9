// SPDX-License-Identifier: MIT
#include "sim/sweep/tasks.h"

#include <fmt/format.h>

#include <cctype>
#include <filesystem>
#include <ostream>

#include "sim/interrupt.h"
#include "sim/out_directory.h"
#include "sim/text_file.h"
#include "sim/usage_error.h"

namespace sim::sweep {

namespace fs = std::filesystem;

namespace {

std::string file_name(const Scenario& scenario, const std::string& title, Verdict verdict) {
  std::string name = scenario.name + "-" + title + "-" + to_string(verdict);
  for (char& c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
    if (!plain) c = '-';
  }
  return name + ".scenario";
}

/// Where the story is, or why it is nowhere else than in this text.
std::string kept(const fs::path& place, const std::string& story) {
  std::error_code ignored;  // write_text tells
  fs::create_directories(place.parent_path(), ignored);
  try {
    write_text(place.string(), story);
    return "written to " + place.string();
  } catch (const UsageError& error) {
    return error.what() + std::string("\n") + story;
  }
}

}  // namespace

std::vector<Scenario> load_all(const std::vector<std::string>& paths) {
  const Project project = find_project();
  std::vector<Scenario> scenarios;
  for (const std::string& path : find_scenarios(paths, project)) {
    scenarios.push_back(load_scenario(path, project));
  }
  return scenarios;
}

std::vector<Task> tasks_of(const std::vector<Scenario>& scenarios) {
  std::vector<Task> tasks;
  for (const Scenario& scenario : scenarios) {
    for (std::size_t i = 0; i < scenario.testcases.size(); ++i) tasks.push_back({&scenario, i});
  }
  return tasks;
}

Teller::Teller(const std::string& place, std::ostream& out) : place_(place), out_(out) {
  if (!place_.empty()) check_out_directory(place_);
}

void Teller::tell(const Task& task, const std::vector<Finding>& findings, std::ostream* progress) {
  if (!findings.empty()) clear_progress(progress);
  for (const Finding& finding : findings) {
    out_ << finding.report;
    if (!place_.empty() && !finding.story.empty()) {
      const fs::path file =
          fs::path(place_) / file_name(*task.scenario, task.title(), finding.verdict);
      out_ << "  " << kept(file, finding.story) << "\n";
    }
    out_ << "\n";
  }
  out_ << std::flush;
}

void show_progress(std::ostream* progress, std::size_t done, const std::vector<Task>& tasks) {
  if (progress == nullptr) return;
  *progress << fmt::format("\r\033[K[{}/{}] {}", done + 1, tasks.size(), tasks[done].scenario->name)
            << std::flush;
}

void clear_progress(std::ostream* progress) {
  if (progress != nullptr) *progress << "\r\033[K" << std::flush;
}

std::string interrupted_text() {
  return InterruptGuard::came() ? "interrupted; the rest was not swept\n" : "";
}

}  // namespace sim::sweep
