// SPDX-License-Identifier: MIT
#include "sim/fuzz/sensible.h"

#include <algorithm>

namespace sim::fuzz {

using nlohmann::json;

namespace {

/// Jobs whose status the model does not know exactly.
json doubtful_jobs(Subject& model) {
  json doubtful = json::array();
  const json reply = model.execute({{"execute", "query-block-jobs"}});
  if (!reply.contains("return")) return doubtful;
  for (const json& job : reply["return"]) {
    if (!job["status"].is_string()) doubtful.push_back(job);
  }
  return doubtful;
}

/// Null if there is none: a request may be nonsense.
json member(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() ? *found : json(nullptr);
}

/// The job that a command ends in one way if it is READY, and in another one if not.
std::string whom_it_ends(const json& request) {
  const json command = member(request, "execute");
  const json arguments = member(request, "arguments");
  const bool completes = command == "block-job-complete" || command == "job-complete";
  const bool cancels = command == "block-job-cancel" && member(arguments, "force") != true;
  if (!completes && !cancels) return {};
  const json id = member(arguments, command == "job-complete" ? "id" : "device");
  return id.is_string() ? id.get<std::string>() : std::string();
}

}  // namespace

bool is_sensible(const Step& step, Subject& model) {
  if (const auto* wait = std::get_if<WaitStep>(&step.action)) {
    if (wait->event != "BLOCK_JOB_READY") return true;
    const json jobs = doubtful_jobs(model);
    return std::none_of(jobs.begin(), jobs.end(), [](const json& job) { return job["paused"]; });
  }
  const auto* command = std::get_if<QmpStep>(&step.action);
  if (command == nullptr) return true;
  const std::string id = whom_it_ends(command->request);
  if (id.empty()) return true;
  const json jobs = doubtful_jobs(model);
  return std::none_of(jobs.begin(), jobs.end(),
                      [&id](const json& job) { return job["device"] == id; });
}

}  // namespace sim::fuzz
