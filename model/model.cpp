// SPDX-License-Identifier: MIT
#include "model/model.h"

#include <algorithm>
#include <sstream>

#include "model/parts.h"

namespace model {

using nlohmann::json;

json error_reply(const Refused& refused) {
  json reply;
  reply["error"]["class"] = refused.kind;
  const bool known = refused.text != anything;
  reply["error"]["desc"] = known ? json(refused.text) : json::parse(anything);
  return reply;
}

Refused no_file(const std::string& file) {
  std::istringstream names(file);
  std::string why = "No such file or directory";
  for (std::string name; std::getline(names, name, '/');) {
    if (name.size() > 255) why = "File name too long";
  }
  return {"Could not open '" + file + "': " + why};
}
Refused no_node(const std::string& name) { return {"Node '" + name + "' not found"}; }
Refused no_bitmap(const std::string& name) { return {"Dirty bitmap '" + name + "' not found"}; }

json negotiate(State&, const json&) {
  throw Refused{"Capabilities negotiation is already complete, command ignored", "CommandNotFound"};
}

json quit(State& state, const json&) {
  stop(state, Stop::clean);
  return json::object();
}

bool is_job_verb(const std::string& name) {
  return name.starts_with("block-job-") || name.starts_with("job-");
}

namespace {

/// M23
void check_request(const json& request) {
  if (!request.is_object()) throw Refused{"QMP input must be a JSON object"};
  for (const auto& [key, value] : request.items()) {
    const auto member = [&key = key] { return "QMP input member '" + key + "' "; };
    if (key == "execute" && !value.is_string()) throw Refused{member() + "must be a string"};
    if (key == "arguments" && !value.is_object()) throw Refused{member() + "must be an object"};
    if (key != "execute" && key != "arguments" && key != "id")
      throw Refused{member() + "is unexpected"};
  }
  if (!request.contains("execute")) throw Refused{"QMP input lacks member 'execute'"};
}

/// While a job is ending, a query may see the world before and after it (M7).
json run(State& state, const std::string& name, const json& arguments) {
  Handler* handler = checked_command(name, arguments);
  const auto handle = [&](State& world) {
    json result = handler(world, arguments), reply;
    reply["return"] = std::move(result);
    return reply;
  };
  if (!ending_jobs(state)) return handle(state);
  if (is_job_verb(name)) return handle(state);
  if (!name.starts_with("query-")) {
    finish_ending_jobs(state);
    return handle(state);
  }
  const json before = handle(state);
  State later = state;
  finish_ending_jobs(later);
  const json after = handle(later);
  return before == after ? before : json{{"$one-of", {before, after}}};
}

}  // namespace

void settle(State& state) { finish_ending_jobs(state); }

json execute(State& state, const json& request) {
  start_process(state);
  json reply;
  try {
    check_request(request);
    const std::string& name = text(request, "execute");
    static const json none = json::object();
    const auto arguments = request.find("arguments");
    reply = run(state, name, arguments == request.end() ? none : *arguments);
    const bool of_nodes = name == "query-block" || name == "query-named-block-nodes";
    if (of_nodes && !state.faults.empty()) reply = unless_unreadable(state, reply);
  } catch (const Refused& refused) {
    reply = error_reply(refused);
  }
  if (request.is_object() && request.contains("id")) reply["id"] = request["id"];
  return reply;
}

std::optional<json> await_event(State& state, const std::string& name) {
  const auto is_it = [&name](const json& event) { return event["event"] == name; };
  if (std::ranges::none_of(state.events, is_it)) advance_for(state, name);
  if (std::ranges::none_of(state.events, is_it)) advance_for(state, "BLOCK_JOB_READY");
  const auto found = std::ranges::find_if(state.events, is_it);
  if (found == state.events.end()) return {};
  json event = std::move(*found);
  state.events.erase(found);
  return event;
}

}  // namespace model
