// SPDX-License-Identifier: MIT
#include "sim/request.h"

#include <nlohmann/json.hpp>

namespace sim {

using nlohmann::json;

std::string command_of(const json& request) {
  const auto command = request.is_object() ? request.find("execute") : request.end();
  return command != request.end() && command->is_string() ? command->get<std::string>() : "";
}

bool is_query(const json& request) { return command_of(request).starts_with("query-"); }

}  // namespace sim
