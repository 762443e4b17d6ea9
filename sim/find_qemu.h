// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "sim/qmp_program.h"
#include "sim/version.h"

namespace sim {

/// A QEMU that starts and tells its version.
struct QemuIdentity {
  std::string program;
  Version version;
  std::string package;  ///< who built it, e.g. "Debian 1:7.2+dfsg-7+deb12u18"; may be empty

  /// "/usr/bin/qemu-system-x86_64, version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)"
  std::string text() const;
};

/// The system emulator on PATH: qemu-system-x86_64, else any qemu-system-*, for no machine is
/// needed; nothing if there is none.
std::optional<std::string> find_qemu();

/// Starts it and asks its version. Throws UsageError or SubjectFailure for what is no QEMU.
QemuIdentity identify_qemu(const QmpProgram& program);
/// What `PROGRAM --version` says of a qemu-img: "PROGRAM, version 7.2.22 (…)", or its name alone.
std::string identify_qemu_img(const std::string& program, std::chrono::milliseconds limit);

}  // namespace sim
