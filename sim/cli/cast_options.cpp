// SPDX-License-Identifier: MIT
#include "sim/cli/cast_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "sim/find_qemu.h"
#include "sim/subject_names.h"

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
  command
      .add_option(
          "--qemu-img", qemu_img,
          "what makes and checks the images of real QEMUs (default: the one beside each, or "
          "else on PATH)")
      ->type_name("PROGRAM");
  command.add_option("--timeout", timeout, "how long anything that a QEMU does may take")
      ->check(CLI::Range(1, 86'400))
      ->type_name("SECONDS")
      ->capture_default_str();
}

Cast CastOptions::usual() const {
  return chosen(qemu.empty() && !find_qemu() ? "model,engine" : "model,engine,qemu");
}

Cast CastOptions::chosen(const std::string& subjects) const {
  Cast result;
  result.storage = storage == "files" ? StorageKind::files : StorageKind::sim;
  result.limit = std::chrono::seconds(timeout);
  result.qemu_img = qemu_img;
  for (const std::string& subject : split_subjects(subjects)) {
    std::string name = subject;
    if (is_program(subject)) {
      QmpProgram program = program_of(subject, result.limit);
      program.img = qemu_img;
      name = program.name;
      result.programs.emplace(name, program);
    }
    result.subjects.push_back(std::move(name));
  }
  // The search of PATH takes as long as a small testcase.
  const bool plays = std::ranges::find(result.subjects, "qemu") != result.subjects.end();
  if (!qemu.empty()) {
    result.qemu = qemu;
  } else if (const auto found = plays ? find_qemu() : std::nullopt) {
    result.qemu = *found;
  }
  return result;
}

}  // namespace sim::cli
