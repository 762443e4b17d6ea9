// SPDX-License-Identifier: MIT
#include "sim/fuzz/sensible.h"

#include <algorithm>
#include <set>

namespace sim::fuzz {

using nlohmann::json;

namespace {

/// Bytes per second that hold a chunk of 512 back for a minute (M39).
constexpr int slow_speed = 9;

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

/// The job that a command treats in one way if it is READY, and in another one if not.
std::string whom_it_decides(const json& request) {
  static const std::set<std::string> deciding{"block-job-complete", "block-job-cancel",
                                              "block-job-set-speed", "job-complete", "job-cancel"};
  const json command = member(request, "execute");
  if (!command.is_string() || !deciding.contains(command)) return {};
  const json arguments = member(request, "arguments");
  const json id =
      member(arguments, command.get<std::string>().starts_with("job-") ? "id" : "device");
  return id.is_string() ? id.get<std::string>() : std::string();
}

/// Whether it starts a commit that may be one of a layer below the active one and sleeps: once
/// something wakes it, it may end at any time (M39).
bool falls_asleep(const json& request) {
  const json arguments = member(request, "arguments");
  const json speed = member(arguments, "speed");
  const bool slow = speed.is_number_integer() && speed > 0 && speed < slow_speed;
  const bool has_top =
      arguments.is_object() && (arguments.contains("top-node") || arguments.contains("top"));
  return member(request, "execute") == "block-commit" && slow && has_top;
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
  if (falls_asleep(command->request)) return false;
  const std::string id = whom_it_decides(command->request);
  if (id.empty()) return true;
  const json jobs = doubtful_jobs(model);
  return std::none_of(jobs.begin(), jobs.end(),
                      [&id](const json& job) { return job["device"] == id; });
}

}  // namespace sim::fuzz
