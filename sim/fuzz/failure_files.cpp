// SPDX-License-Identifier: MIT
#include "sim/fuzz/failure_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "sim/report.h"
#include "sim/text_file.h"

namespace sim::fuzz {

namespace fs = std::filesystem;

namespace {

/// Most of what is drawn is refused somewhere, and no story says where.
constexpr const char* head_of_found = "refusals allowed";

}  // namespace

std::vector<std::string> FailureFiles::all() const {
  std::vector<std::string> files;
  if (!fs::is_directory(campaign_.out)) return files;
  for (const auto& entry : fs::directory_iterator(campaign_.out)) {
    if (entry.path().extension() == ".scenario") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

std::string FailureFiles::of_run(std::uint64_t run) const {
  return fmt::format("{}/{}-seed-{}-run-{}.scenario", campaign_.out, campaign_.profile.name,
                     campaign_.seed, run);
}

void FailureFiles::keep(std::uint64_t run, const Program& program, const Failure& failure) const {
  std::error_code ignored;  // who cannot make it cannot write below it
  fs::create_directories(campaign_.out, ignored);
  std::ostringstream file;
  file << fmt::format("# Found by fuzz: seed {}, run {}, profile {}, {} steps, on {}.\n# {}\n#\n",
                      campaign_.seed, run, campaign_.profile.name, campaign_.steps,
                      joined_names(campaign_.cast.subjects), failure.signature);
  std::istringstream report(failure.report);
  for (std::string line; std::getline(report, line);) file << "# " << line << "\n";
  file << head_of_found << "\n";
  for (const std::string& line : program) file << line << "\n";
  write_text(of_run(run), file.str());
}

void FailureFiles::drop(std::uint64_t run) const {
  std::error_code ignored;  // it is not there, then
  fs::remove(of_run(run), ignored);
}

Program program_of_file(const std::string& file) {
  std::istringstream in(read_text(file));
  Program program;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line[0] != '#' && line != head_of_found) program.push_back(line);
  }
  return program;
}

}  // namespace sim::fuzz
