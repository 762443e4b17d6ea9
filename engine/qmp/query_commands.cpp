// SPDX-License-Identifier: MIT
#include <cerrno>

#include "engine/qmp/arguments.h"
#include "engine/qmp/commands.h"
#include "engine/qmp/node_info.h"
#include "engine/qmp/object.h"
#include "engine/qmp/session.h"

namespace engine::qmp {
namespace {

using nlohmann::json;
using Answer = io::Task<json>;

Answer query_block(Session& session, const json&) {
  json all = json::array();
  for (const block::Device& device : session.layer.devices()) {
    json inserted = node_info(session.layer, shown_root(session.layer, device), Nesting::device);
    all.push_back(object({{"device", device.id()},
                          {"locked", false},
                          {"removable", true},
                          {"type", "unknown"},
                          {"inserted", std::move(inserted)}}));
  }
  return Answer::ready(std::move(all));
}

Answer query_named_block_nodes(Session& session, const json& arguments) {
  const Nesting nesting = value_or(arguments, "flat", false) ? Nesting::flat : Nesting::deep;
  json all = json::array();
  for (const block::Node* node : session.layer.graph().nodes()) {
    all.push_back(node_info(session.layer, *node, nesting));
  }
  return Answer::ready(std::move(all));
}

std::string io_status(const job::Job& job) {
  if (job.io_error() == 0) return "ok";
  return job.io_error() == ENOSPC ? "nospace" : "failed";
}

json block_job_info(const job::Job& job) {
  const job::Status status = job.shown_status();
  json info{{"type", job.type()},
            {"device", job.id()},
            {"len", job.length().value},
            {"offset", job.offset().value},
            {"speed", job.speed()},
            {"busy", job.busy()},
            {"paused", job.paused()},
            {"ready", status == job::Status::ready || status == job::Status::standby},
            {"status", to_string(status)},
            {"io-status", io_status(job)},
            {"auto-finalize", job.options().finalize == job::Step::automatic},
            {"auto-dismiss", job.options().dismiss == job::Step::automatic}};
  const bool ended = status == job::Status::concluded;
  if (ended && !job.error().empty()) info["error"] = job.error();
  return info;
}

Answer query_block_jobs(Session& session, const json&) {
  json all = json::array();
  for (const job::Job* job : session.jobs.jobs()) all.push_back(block_job_info(*job));
  return Answer::ready(std::move(all));
}

Answer query_jobs(Session& session, const json&) {
  json all = json::array();
  for (const job::Job* job : session.jobs.jobs()) {
    json info{{"id", job->id()},
              {"type", job->type()},
              {"status", to_string(job->shown_status())},
              {"current-progress", job->offset().value},
              {"total-progress", job->length().value}};
    const bool ended = job->shown_status() == job::Status::concluded;
    if (ended && !job->error().empty()) info["error"] = job->error();
    all.push_back(std::move(info));
  }
  return Answer::ready(std::move(all));
}

Answer query_commands_list(Session&, const json&) {
  json all = json::array();
  for (const Command& command : all_commands()) all.push_back({{"name", command.name}});
  return Answer::ready(std::move(all));
}

Answer query_version(Session&, const json&) {
  return Answer::ready(
      json{{"qemu", {{"major", 7}, {"minor", 2}, {"micro", 0}}}, {"package", "blocktwin"}});
}

}  // namespace

std::vector<Command> query_commands() {
  return {{"query-block", {}, query_block},
          {"query-named-block-nodes",
           {{"flat", Type::boolean, Presence::optional}},
           query_named_block_nodes},
          {"query-block-jobs", {}, query_block_jobs},
          {"query-jobs", {}, query_jobs},
          {"query-commands", {}, query_commands_list},
          {"query-version", {}, query_version}};
}

}  // namespace engine::qmp
