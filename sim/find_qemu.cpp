// SPDX-License-Identifier: MIT
#include "sim/find_qemu.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/child.h"
#include "sim/profile/profile.h"
#include "sim/subjects.h"
#include "sim/usage_error.h"

namespace sim {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* any_emulator = "qemu-system-";

bool is_program(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
}

/// The first emulator of a directory, by name.
std::optional<std::string> emulator_in(const fs::path& directory) {
  std::optional<std::string> first;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string path = entry.path().string();
    if (!entry.path().filename().string().starts_with(any_emulator) || !is_program(path)) continue;
    if (!first || path < *first) first = path;
  }
  return first;
}

}  // namespace

std::optional<std::string> find_qemu() {
  const char* path = std::getenv("PATH");
  std::istringstream directories(path == nullptr ? "" : path);
  std::optional<std::string> other;
  for (std::string directory; std::getline(directories, directory, ':');) {
    if (directory.empty()) continue;
    const fs::path usual = fs::path(directory) / "qemu-system-x86_64";
    if (is_program(usual)) return usual.string();
    if (!other) other = emulator_in(directory);
  }
  return other;
}

QemuIdentity identify_qemu(const QmpProgram& program) {
  const auto subject = make_qemu_subject(program, "/nowhere");
  const json reply = subject->execute({{"execute", "query-version"}});
  const json told = reply.value("return", json::object());
  const json numbers = told.is_object() ? told.value("qemu", json::object()) : json::object();
  QemuIdentity identity{program.place(), {}, {}};
  for (const auto& [name, part] : {std::pair{"major", &identity.version.major},
                                   {"minor", &identity.version.minor},
                                   {"micro", &identity.version.micro}}) {
    if (!numbers.is_object() || !numbers.contains(name) || !numbers[name].is_number_integer()) {
      throw UsageError(program.place() + ": expected the version of a QEMU, found " + reply.dump());
    }
    *part = numbers[name];
  }
  if (told.contains("package") && told["package"].is_string()) identity.package = told["package"];
  return identity;
}

std::string identify_qemu_img(const std::string& program, std::chrono::milliseconds limit) {
  const ProgramResult result = run_program({program, "--version"}, limit);
  const std::string start = "qemu-img version ";
  const std::string line = result.output.substr(0, result.output.find('\n'));
  return line.starts_with(start) ? program + ", version " + line.substr(start.size()) : program;
}

std::string QemuIdentity::text() const {
  const Profile profile(version);
  return program + ", version " + to_string(version) +
         (package.empty() ? "" : " (" + package + ")") +
         (profile.exact() ? "" : "; " + profile.text());
}

}  // namespace sim
