// SPDX-License-Identifier: MIT
#include "engine/qmp/commands.h"

#include <algorithm>
#include <iterator>

namespace engine::qmp {

const std::vector<Command>& all_commands() {
  static const std::vector<Command> commands = [] {
    std::vector<Command> all;
    for (auto group : {bitmap_commands, block_commands, blockdev_commands, job_commands,
                       query_commands, monitor_commands}) {
      std::ranges::move(group(), std::back_inserter(all));
    }
    std::ranges::sort(all, {}, &Command::name);
    return all;
  }();
  return commands;
}

const Command* find_command(const std::string& name) {
  const std::vector<Command>& commands = all_commands();
  const auto found = std::ranges::lower_bound(commands, name, {}, &Command::name);
  return found != commands.end() && found->name == name ? &*found : nullptr;
}

}  // namespace engine::qmp
