// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

/// QEMU's human monitor as far as scenarios need it: guest I/O and drives have no QMP commands.
namespace sim::hmp {

/// The request that runs a line of the human monitor.
nlohmann::json request(std::string line);

/// `qemu-io NODE "COMMAND"`.
std::string io_line(const std::string& node, const std::string& command);
/// What a human monitor's answer and QEMU's console tell of a qemu-io command beyond success:
/// failures and mismatches, a line each.
std::string io_trouble(std::string_view answer, std::string_view console);

/// The part of QEMU's standard error that qemu-io printed, of a command that it does not
/// understand: what QEMU itself reports begins with the program's name.
std::string io_complaints(std::string_view errors);

/// `drive_add 0 if=none,…` for the options of Subject::add_drive.
std::string drive_line(const nlohmann::json& options);
/// The first line of an answer to drive_add or drive_del as a QMP reply; "OK" and nothing are
/// success.
nlohmann::json drive_reply(std::string_view answer);

}  // namespace sim::hmp
