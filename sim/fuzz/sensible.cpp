// SPDX-License-Identifier: MIT
#include "sim/fuzz/sensible.h"

#include <algorithm>
#include <set>
#include <vector>

#include "sim/allowed.h"

namespace sim::fuzz {

using nlohmann::json;

namespace {

void add_lists(const json& reply, std::vector<json>& lists) {
  for (const Allowed& each : Allowed(reply).alternatives()) {
    if (each.said().contains("return")) lists.push_back(each.said()["return"]);
  }
}

/// As query-block-jobs has them, a list for each answer that the model allows.
std::vector<json> job_lists_of(Subject& model) {
  std::vector<json> lists;
  add_lists(model.execute({{"execute", "query-block-jobs"}}), lists);
  return lists;
}

/// Where the model allows several answers (after a crash) the jobs of all of them; but those that
/// have more jobs than others tell of before an end (M7), and it will come.
json jobs_of(const std::vector<json>& lists) {
  json jobs = json::array();
  const auto fewest = std::ranges::min_element(lists, {}, &json::size);
  for (const json& list : lists) {
    if (list.size() == fewest->size()) jobs.insert(jobs.end(), list.begin(), list.end());
  }
  return jobs;
}
json jobs_of(Subject& model) { return jobs_of(job_lists_of(model)); }

/// Whether a process has just started: what the one before it sent at its end may have been read or
/// not.
bool has_no_drive(Subject& model) {
  const json reply = model.execute({{"execute", "query-block"}});
  return reply.contains("return") && reply["return"].empty();
}

/// Whether it may be READY unseen (M4).
bool is_in_doubt(const json& job) { return !job["status"].is_string(); }

/// Whether it is open which job is READY first, or whether it is at all.
bool ready_is_in_doubt(const std::vector<json>& lists, const std::string& event) {
  std::set<std::string> names;
  bool may_rest = false;
  for (const json& jobs : lists) {
    for (const json& job : jobs) {
      if (!is_in_doubt(job)) continue;
      names.insert(job["device"]);
      may_rest |= job["paused"] != false;
    }
  }
  return names.size() > 1 || (may_rest && event == "BLOCK_JOB_READY");
}

/// Whether what it still has to do may take hours, which a real machine's clock would have to wait
/// for.
bool crawls(const json& job) { return job["speed"] > 0 && job["speed"] < slow_speed; }

/// Null if there is none: a request may be nonsense.
json member(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() ? *found : json(nullptr);
}

/// The job that a command ends, or asks about its end; empty if there is none.
std::string whom_it_decides(const json& request) {
  static const std::set<std::string> deciding{
      "block-job-complete", "block-job-cancel",  "block-job-set-speed",
      "block-job-finalize", "block-job-dismiss", "job-complete",
      "job-cancel",         "job-finalize",      "job-dismiss"};
  const json command = member(request, "execute");
  if (!command.is_string() || !deciding.contains(command)) return {};
  const json arguments = member(request, "arguments");
  const json id =
      member(arguments, arguments.is_object() && arguments.contains("id") ? "id" : "device");
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

/// Whether a job that waits for its finalize may hold back the guest of its device: whoever waits
/// for the guest then, waits for himself. `reply` is what a query allows, perhaps several replies.
bool guest_may_be_held(const json& reply) {
  const auto holds = [](const json& job) {
    const json& status = job["status"];
    return job["auto-finalize"] == false && (!status.is_string() || status == "pending");
  };
  const std::vector<Allowed> replies = Allowed(reply).alternatives();
  return std::any_of(replies.begin(), replies.end(), [&](const Allowed& each) {
    if (!each.said().contains("return")) return false;
    const json& jobs = each.said()["return"];
    return std::any_of(jobs.begin(), jobs.end(), holds);
  });
}

/// Whether it would wake a job that sleeps for its speed (M39), which no step of the script tells:
/// to be read whole a real QEMU's node is exported, and drained when that ends.
bool would_wake(const Step& step, Subject& model) {
  const auto* show = std::get_if<ShowStep>(&step.action);
  if (show == nullptr || show->sight != Sight::data) return false;
  const json jobs = jobs_of(model);
  return std::any_of(jobs.begin(), jobs.end(),
                     [](const json& job) { return crawls(job) && job["status"] == "running"; });
}

/// Nobody waits for an aio_write or aio_read, which is held until the job has ended (M66). What a
/// read finds wrong is told then.
bool needs_the_guest(const Step& step) {
  if (const auto* io = std::get_if<IoStep>(&step.action))
    return !io->command.starts_with("aio_write") &&
           (!io->command.starts_with("aio_read") || io->command.find(" -P") != std::string::npos);
  if (const auto* show = std::get_if<ShowStep>(&step.action)) return show->sight == Sight::data;
  const auto* command = std::get_if<QmpStep>(&step.action);
  return command != nullptr && command->request["execute"] == "block_resize";
}

/// Whether it looks for errors in an image that somebody writes to: what is in memory may not have
/// been written yet. Where a job keeps others from reading, nobody looks (M56).
bool checks_what_is_written(const Step& step, Subject& model) {
  const auto* show = std::get_if<ShowStep>(&step.action);
  if (show == nullptr || show->sight != Sight::check || !jobs_of(model).empty()) return false;
  std::vector<json> lists;
  add_lists(model.execute({{"execute", "query-named-block-nodes"}}), lists);
  return std::ranges::any_of(lists, [&](const json& nodes) {
    return std::any_of(nodes.begin(), nodes.end(), [&](const json& node) {
      return member(node, "file") == show->target && member(node, "ro") == false;
    });
  });
}

/// As far as jobs and their guests go.
bool is_sensible_for_jobs(const Step& step, Subject& model) {
  if (const auto* wait = std::get_if<WaitStep>(&step.action)) {
    const std::vector<json> lists = job_lists_of(model);
    const json jobs = jobs_of(lists);
    if (jobs.empty() && has_no_drive(model)) return false;
    // In one of the worlds a job may have ended that crawls in another.
    const auto any_crawls = [](const json& list) {
      return std::any_of(list.begin(), list.end(), crawls);
    };
    return !ready_is_in_doubt(lists, wait->event) && std::ranges::none_of(lists, any_crawls);
  }
  if (would_wake(step, model)) return false;
  if (needs_the_guest(step) && guest_may_be_held(model.execute({{"execute", "query-block-jobs"}})))
    return false;
  const auto* command = std::get_if<QmpStep>(&step.action);
  if (command == nullptr) return true;
  if (falls_asleep(command->request)) return false;
  const std::string id = whom_it_decides(command->request);
  if (id.empty()) return true;
  const json jobs = jobs_of(model);
  const bool forces = member(member(command->request, "arguments"), "force") == true;
  return std::none_of(jobs.begin(), jobs.end(), [&](const json& job) {
    const bool waits = crawls(job) && job["status"] == "ready" && !forces;
    return job["device"] == id && waits;
  });
}

}  // namespace

bool is_sensible(const Step& step, Subject& model) {
  return !checks_what_is_written(step, model) && is_sensible_for_jobs(step, model);
}

}  // namespace sim::fuzz
