// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/io/task.h"
#include "engine/qmp/schema.h"

namespace engine::qmp {

struct Session;

/// Carries out a command whose arguments have passed its schema; answers what goes under "return".
/// Throws Refusal. Session and arguments outlive the task.
using Handler = io::Task<nlohmann::json> (*)(Session& session, const nlohmann::json& arguments);

/// Who looks at the arguments: blockdev-add's depend on each other, which no Schema can say.
enum class Checking { by_schema, by_handler };

/// A command by its name on the wire.
struct Command {
  std::string name;
  Schema schema;
  Handler handler;
  Checking checking = Checking::by_schema;
};

/// The commands of each group; all_commands() has them all, sorted by name.
std::vector<Command> bitmap_commands();
std::vector<Command> block_commands();
std::vector<Command> blockdev_commands();
std::vector<Command> job_commands();
std::vector<Command> query_commands();
std::vector<Command> monitor_commands();
const std::vector<Command>& all_commands();

/// Null if there is none.
const Command* find_command(const std::string& name);

}  // namespace engine::qmp
