// SPDX-License-Identifier: MIT
#include "sim/cli/cast_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "sim/find_qemu.h"
#include "sim/usage_error.h"

namespace sim::cli {

void CastOptions::add_to(CLI::App& command) {
  command.add_option("--storage", storage, "where the engine keeps images: sim (memory) or files")
      ->check(CLI::IsMember({"sim", "files"}))
      ->capture_default_str();
  command.add_option("--dir", directory, "keep real image files below this directory")
      ->type_name("DIR");
  command
      .add_option("--qemu", qemu, "the real QEMU of the subject qemu (default: the one on PATH)")
      ->type_name("PROGRAM");
}

Cast CastOptions::usual() const {
  return chosen(qemu.empty() && !find_qemu() ? "model,engine" : "model,engine,qemu");
}

Cast CastOptions::chosen(const std::string& subjects) const {
  Cast result;
  result.storage = storage == "files" ? StorageKind::files : StorageKind::sim;
  std::istringstream names(subjects);
  for (std::string subject; std::getline(names, subject, ',');) {
    if (subject != "model" && subject != "engine" && subject != "qemu") {
      throw UsageError("--subject: '" + subject + "' is none of model, engine, qemu");
    }
    const auto& chosen = result.subjects;
    if (std::find(chosen.begin(), chosen.end(), subject) != chosen.end()) {
      throw UsageError("--subject: '" + subject + "' twice");
    }
    result.subjects.push_back(subject);
  }
  if (result.subjects.empty()) throw UsageError("--subject: none given");
  if (!qemu.empty()) {
    result.qemu = qemu;
  } else if (const std::optional<std::string> found = find_qemu()) {
    result.qemu = *found;
  }
  return result;
}

}  // namespace sim::cli
