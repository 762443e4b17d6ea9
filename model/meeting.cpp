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

Job* job_called(State& state, const std::string& id) {
  const auto found = std::ranges::find(state.jobs, id, &Job::id);
  return found == state.jobs.end() ? nullptr : &*found;
}

/// Whether it may find the job READY or not, and treats it differently then (M4).
bool finds_out(const State& state, const json& request) {
  const std::string id = target_of(request);
  const auto job = std::ranges::find(state.jobs, id, &Job::id);
  if (id.empty() || job == state.jobs.end() || !perhaps_ready(*job)) return false;
  const std::string& command = text(request, "execute");
  return !command.ends_with("-pause") && !command.ends_with("-resume");
}

/// The request finds the job before its end or after it. A pause or cancel of the last moment may
/// be accepted and have no effect.
void add_met(std::vector<Outcome>& outcomes, const State& state, const json& request) {
  const std::string id = target_of(request);
  State early = state;
  json reply = execute(early, request);
  const bool accepted = reply.contains("return") && may_be_too_late(text(request, "execute"));
  if (!job_is_ending(state, id)) return outcomes.push_back({std::move(reply), std::move(early)});
  State late = state;
  finish_ending_job(late, id);
  State ended = late;
  json refusal = execute(late, request);
  Job* job = job_called(ended, id);
  if (job && text(request, "execute").ends_with("-pause")) job->paused = true;
  if (accepted) outcomes.push_back({reply, std::move(ended)});
  outcomes.push_back({std::move(reply), std::move(early)});
  outcomes.push_back({std::move(refusal), std::move(late)});
}

/// What may be when a job becomes READY that may have been so before: others like it were READY
/// earlier, or are not yet.
std::vector<State> become_ready_among(const State& state, const std::string& id) {
  std::vector<State> states{state};
  for (std::size_t i = 0; i < state.jobs.size(); ++i) {
    if (state.jobs[i].id == id || !perhaps_ready(state.jobs[i])) continue;
    for (std::size_t each = 0, count = states.size(); each < count; ++each) {
      states.push_back(states[each]);
      become_ready(states.back(), states.back().jobs[i]);
    }
  }
  for (State& each : states) become_ready(each, *job_called(each, id));
  return states;
}

/// The last outcome again, if it cancels the job while that runs: READY may come before the end.
void add_ready_in_spite(std::vector<Outcome>& outcomes, const std::string& id) {
  const Outcome outcome = outcomes.back();
  const auto job = std::ranges::find(outcome.state.jobs, id, &Job::id);
  if (job == outcome.state.jobs.end() || job->ending != Ending::cancel) return;
  for (State& each : become_ready_among(outcome.state, id))
    outcomes.push_back({outcome.reply, std::move(each)});
}

}  // namespace

bool meets_moving_jobs(const State& state, const json& request) {
  if (state.jobs.empty()) return false;
  if (finds_out(state, request)) return true;
  if (!ending_jobs(state)) return false;
  return request == json{{"execute", "quit"}} || job_is_ending(state, target_of(request));
}

std::vector<Outcome> execute_in_the_midst(const State& state, const json& request) {
  std::vector<Outcome> outcomes;
  if (request["execute"] == "quit") {
    for (State& each : before_stop(state)) {
      json reply = execute(each, request);
      outcomes.push_back({std::move(reply), std::move(each)});
    }
    return outcomes;
  }
  add_met(outcomes, state, request);
  if (!finds_out(state, request)) return outcomes;
  const std::string id = target_of(request);
  add_ready_in_spite(outcomes, id);
  for (const State& ready : become_ready_among(state, id)) add_met(outcomes, ready, request);
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
