// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "sim/qmp_program.h"

namespace sim {

/// Who takes part, as --subject has it: "model,engine,qemu". A comma parts two, but one that begins
/// with "command:" reaches to the end of the list, for a command may hold commas. Throws UsageError
/// for one that is none of ours, is there twice, or tells no socket or program.
std::vector<std::string> split_subjects(const std::string& list);

/// Whether a subject of such a list is a program other than `qemu`.
bool is_program(const std::string& subject);

/// The program that a subject of such a list means:
///   qmp:SOCKET       what listens on that unix socket already;
///   command:PROGRAM ARGUMENT…
///                    what that starts, words parted by blanks as in sh ('…', "…" and \ keep them
///                    together); {socket} stands for the unix socket to connect to, and where no
///                    word has it, `-qmp unix:PATH,server=off` follows as for QEMU.
/// In reports a command goes by its program. Throws UsageError for an open quote.
QmpProgram program_of(const std::string& subject, std::chrono::milliseconds limit);

}  // namespace sim
