// SPDX-License-Identifier: MIT
#include <algorithm>

#include "model/model.h"
#include "model/parts.h"

namespace model {

using nlohmann::json;

namespace {

/// The job that the request is a verb for; empty if it is none.
std::string target_of(const json& request) {
  if (!request.is_object()) return "";
  const json command = request.value("execute", json()),
             arguments = request.value("arguments", json());
  if (!command.is_string() || !is_job_verb(command) || !arguments.is_object()) return "";
  const json id = arguments.value("device", arguments.value("id", json()));
  return id.is_string() ? id.get<std::string>() : "";
}

/// Whether a job that takes it may be past the point where it matters.
bool may_be_too_late(const std::string& command) {
  return command.ends_with("-pause") || command.ends_with("-cancel");
}

}  // namespace

bool meets_ending_jobs(const State& state, const json& request) {
  if (!ending_jobs(state)) return false;
  return request == json{{"execute", "quit"}} || job_is_ending(state, target_of(request));
}

/// The job has ended or not; what it took at the last moment it perhaps only said to take.
std::vector<Outcome> execute_in_the_midst(const State& state, const json& request) {
  std::vector<Outcome> outcomes;
  if (request["execute"] == "quit") {
    for (State& each : before_stop(state)) {
      json reply = execute(each, request);
      outcomes.push_back({std::move(reply), std::move(each)});
    }
    return outcomes;
  }
  State early = state, late = state;
  finish_ending_job(late, target_of(request));
  const State ended = late;
  json reply = execute(early, request), refusal = execute(late, request);
  const bool accepted = reply.contains("return") && may_be_too_late(request["execute"]);
  if (accepted) outcomes.push_back({reply, ended});
  outcomes.push_back({std::move(reply), std::move(early)});
  outcomes.push_back({std::move(refusal), std::move(late)});
  return outcomes;
}

std::vector<State> before_stop(const State& state) {
  std::vector<State> states{state};
  for (std::size_t i = 0; i < state.jobs.size(); ++i) {
    if (!job_is_ending(state, state.jobs[i].id)) continue;
    for (std::size_t each = 0, count = states.size(); each < count; ++each) {
      states.push_back(states[each]);
      states.back().jobs[i].ending = Ending::cancel;
    }
  }
  return states;
}

}  // namespace model
