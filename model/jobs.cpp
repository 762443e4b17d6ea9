// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include "model/parts.h"

namespace model {

using nlohmann::json;

namespace {

/// S81
Job& find_job(State& state, const json& arguments) {
  const bool block_job = arguments.contains("device");
  const std::string id = arguments[block_job ? "device" : "id"];
  for (Job& job : state.jobs) {
    if (job.id == id) return job;
  }
  if (block_job) throw Refused{"Block job '" + id + "' not found", "DeviceNotActive"};
  throw Refused{"Job not found"};
}

std::string status_name(const Job& job) {
  switch (job.status) {
    case Status::running:
      return job.paused ? "paused" : "running";
    case Status::ready:
      return job.paused ? "standby" : "ready";
    case Status::pending:
      return "pending";
    case Status::concluded:
      break;
  }
  return "concluded";
}

/// S82, S83
void check_verb(const Job& job, const std::string& verb, const std::vector<std::string>& states) {
  const std::string state = status_name(job);
  if (std::ranges::find(states, state) != states.end()) return;
  throw Refused{"Job '" + job.id + "' in state '" + state + "' cannot accept command verb '" +
                verb + "'"};
}

json one_of(const json& a, const json& b) { return {{"$one-of", {a, b}}}; }

}  // namespace

bool perhaps_ready(const Job& job) {
  const bool goes_on = !job.asleep && job.ending != Ending::cancel && job.io_status == "ok";
  return job.active() && job.status == Status::running && goes_on;
}

/// S75, S83
json job_complete(State& state, const json& arguments) {
  Job& job = find_job(state, arguments);
  check_verb(job, "complete", {"ready", "standby"});
  if (job.ending == Ending::soft_cancel || job.ending == Ending::cancel)
    throw Refused{"The active block job '" + job.id + "' cannot be completed"};  // M58
  job.ending = Ending::complete;
  return json::object();
}

/// S84, S89
json job_cancel(State& state, const json& arguments) {
  Job& job = find_job(state, arguments);
  const bool force = !arguments.contains("device") || arguments.value("force", false);
  if (job.paused && !force)
    throw Refused{"The block job for device '" + job.id + "' is currently paused"};
  check_verb(job, "cancel", {"running", "paused", "ready", "standby", "pending"});
  const bool soft = !force && job.status == Status::ready;
  const bool completes = soft && job.ending == Ending::complete;  // M58
  if (!completes) job.ending = soft ? Ending::soft_cancel : Ending::cancel;
  job.paused = false;
  return json::object();
}

/// S84
json job_pause(State& state, const json& arguments) {
  Job& job = find_job(state, arguments);
  check_verb(job, "pause", {"running", "paused", "ready", "standby"});
  if (job.paused) throw Refused{"Job is already paused"};
  job.paused = true;
  return json::object();
}

/// S84, M63
json job_resume(State& state, const json& arguments) {
  Job& job = find_job(state, arguments);
  if (!job.paused) throw Refused{"Can't resume a job that was not paused"};
  check_verb(job, "resume", {"running", "paused", "ready", "standby"});
  job.paused = job.asleep = false;
  if (std::exchange(job.io_status, "ok") == "ok") return json::object();
  Runs copies = job.bulk;
  copies.add(job.fresh);
  mark_base_again(state, job);
  doom(state, job, copies);
  return json::object();
}

/// S85
json job_set_speed(State& state, const json& arguments) {
  Job& job = find_job(state, arguments);
  check_verb(job, "set-speed", {"running", "paused", "ready", "standby"});
  if (arguments["speed"] < 0) throw Refused{"Parameter 'speed' expects a non-negative value"};
  if (job.speed != arguments["speed"]) job.asleep = false;
  job.speed = arguments["speed"];
  return json::object();
}

/// S87
json job_finalize(State& state, const json& arguments) {
  Job& job = find_job(state, arguments);
  check_verb(job, "finalize", {"pending"});
  finalize(state, job);
  return json::object();
}

/// S87
json job_dismiss(State& state, const json& arguments) {
  Job& job = find_job(state, arguments);
  check_verb(job, "dismiss", {"concluded"});
  if (!job.held.empty()) release(state, job);
  state.jobs.erase(state.jobs.begin() + (&job - state.jobs.data()));
  return json::object();
}

json block_job_finalize(State& state, const json& arguments) {
  return job_finalize(state, {{"device", arguments["id"]}});
}

json block_job_dismiss(State& state, const json& arguments) {
  return job_dismiss(state, {{"device", arguments["id"]}});
}

/// S91, S92; newest first (M16)
json query_block_jobs(State& state, const json&) {
  json jobs = json::array();
  for (auto job = state.jobs.rbegin(); job != state.jobs.rend(); ++job) {
    json shown{{"device", job->id},
               {"type", "commit"},
               {"len", length(*job)},
               {"offset", offset(*job)},
               {"speed", job->speed},
               {"busy", false},
               {"paused", job->paused || (job->active() && job->status == Status::pending)},
               {"ready", job->status == Status::ready},
               {"status", status_name(*job)},
               {"io-status", job->io_status},
               {"auto-finalize", job->auto_finalize},
               {"auto-dismiss", job->auto_dismiss}};
    const bool told = job->status == Status::concluded && !job->error.empty();
    if (told) shown["error"] = job->error;
    if (perhaps_ready(*job)) {
      shown["ready"] = one_of(false, true);
      shown["status"] = job->paused ? one_of("paused", "standby") : one_of("running", "ready");
    }
    const bool drains = job->ending != Ending::none && job->status != Status::pending;
    if (drains && !job->paused) shown["paused"] = one_of(false, true);
    const bool copies = job->status == Status::running || !job->fresh.empty();
    if ((copies || drains) && !job->paused) shown["busy"] = one_of(false, true);
    jobs.push_back(std::move(shown));
  }
  return jobs;
}

json query_jobs(State& state, const json&) {
  json jobs = json::array();
  for (const json& job : query_block_jobs(state, {})) {
    json shown{{"id", job["device"]},
               {"type", job["type"]},
               {"status", job["status"]},
               {"current-progress", job["offset"]},
               {"total-progress", job["len"]}};
    if (job.contains("error")) shown["error"] = job["error"];
    jobs.push_back(std::move(shown));
  }
  return jobs;
}

}  // namespace model
