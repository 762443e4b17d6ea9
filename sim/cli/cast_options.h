// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "sim/runner.h"

namespace CLI {
class App;
}

namespace sim::cli {

/// The options that say on what scenarios run; shared by the commands that run them.
struct CastOptions {
  std::string qemu;      ///< empty: the one on PATH
  std::string qemu_img;  ///< empty: see QmpProgram::qemu_img()
  std::string storage = "sim";
  std::string directory;
  unsigned timeout = 30;  ///< in seconds

  /// Adds --storage, --dir, --qemu, --qemu-img and --timeout.
  void add_to(CLI::App& command);
  /// The cast with these subjects; see split_subjects(). Throws UsageError as that does.
  Cast chosen(const std::string& subjects) const;
  /// Model and engine, and a real QEMU if --qemu names one or PATH holds one.
  Cast usual() const;
};

}  // namespace sim::cli
