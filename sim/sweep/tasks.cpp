// SPDX-License-Identifier: MIT
#include "sim/sweep/tasks.h"

#include <fmt/format.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <ostream>

#include "sim/interrupt.h"
#include "sim/out_directory.h"
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

void write(const fs::path& place, const std::string& text) {
  fs::create_directories(place.parent_path());
  std::ofstream file(place, std::ios::binary);
  file << text << std::flush;
  if (!file) throw UsageError(place.string() + ": cannot be written");
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
      write(file, finding.story);
      out_ << "  written to " << file.string() << "\n";
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

void check_interrupt() { InterruptGuard::check(); }

}  // namespace sim::sweep
