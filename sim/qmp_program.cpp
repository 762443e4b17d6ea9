// SPDX-License-Identifier: MIT
#include "sim/qmp_program.h"

#include <filesystem>
#include <string_view>
#include <utility>

#include "sim/option_value.h"

namespace sim {

QmpProgram QmpProgram::started(std::string name, std::vector<std::string> command,
                               std::chrono::milliseconds limit) {
  return {std::move(name), std::move(command), {}, limit, {}};
}

QmpProgram QmpProgram::listening(std::string name, std::string socket,
                                 std::chrono::milliseconds limit) {
  return {std::move(name), {}, std::move(socket), limit, {}};
}

QmpProgram QmpProgram::qemu(const std::string& program, std::chrono::milliseconds limit) {
  return started("qemu",
                 {program, "-M", "none", "-accel", "tcg", "-S", "-display", "none", "-nodefaults"},
                 limit);
}

std::string QmpProgram::qemu_img() const {
  if (!img.empty()) return img;
  const std::filesystem::path place = started_by_us() ? command.front() : "";
  const std::filesystem::path beside = place.parent_path() / "qemu-img";
  return place.has_parent_path() && std::filesystem::exists(beside) ? beside.string() : "qemu-img";
}

std::vector<std::string> command_with_socket(const QmpProgram& program, const std::string& path) {
  constexpr std::string_view placeholder = "{socket}";
  std::vector<std::string> command = program.command;
  bool placed = false;
  for (std::string& word : command) {
    const std::size_t at = word.find(placeholder);
    if (at == std::string::npos) continue;
    word.replace(at, placeholder.size(), path);
    placed = true;
  }
  if (placed) return command;
  command.insert(command.end(), {"-qmp", "unix:" + option_value(path) + ",server=off"});
  return command;
}

}  // namespace sim
