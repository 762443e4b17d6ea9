// SPDX-License-Identifier: MIT
#include "engine/block/resize.h"
#include "engine/block/snapshot.h"
#include "engine/error.h"
#include "engine/job/commit_plan.h"
#include "engine/qmp/arguments.h"
#include "engine/qmp/commands.h"
#include "engine/qmp/session.h"

namespace engine::qmp {
namespace {

using nlohmann::json;
using Answer = io::Task<json>;

Answer snapshot(Session& session, const json& arguments) {
  block::SnapshotOptions options;
  options.device = optional<std::string>(arguments, "device");
  options.node_name = optional<std::string>(arguments, "node-name");
  options.snapshot_file = text(arguments, "snapshot-file");
  options.snapshot_node_name = optional<std::string>(arguments, "snapshot-node-name");
  options.format = value_or<std::string>(arguments, "format", "qcow2");
  if (value_or<std::string>(arguments, "mode", "absolute-paths") == "existing") {
    options.mode = block::SnapshotMode::existing;
  }
  co_await block::take_snapshot(session.layer, options);
  co_return nothing();
}

Answer resize(Session& session, const json& arguments) {
  block::ResizeRequest request;
  request.device = optional<std::string>(arguments, "device");
  request.node_name = optional<std::string>(arguments, "node-name");
  request.size = arguments["size"].get<std::int64_t>();
  co_await block::resize_disk(session.layer, request);
  co_return nothing();
}

job::OnError on_error(const json& arguments) {
  const auto asked = value_or<std::string>(arguments, "on-error", "report");
  if (asked == "ignore") return job::OnError::ignore;
  if (asked == "stop") return job::OnError::stop;
  if (asked == "enospc" || asked == "auto") return job::OnError::enospc;
  return job::OnError::report;
}

job::Step step(const json& arguments, const char* name) {
  return value_or(arguments, name, true) ? job::Step::automatic : job::Step::by_command;
}

/// A job is named after its device unless the client names it (S74).
std::string job_id(Session& session, const json& arguments, const block::Node& root) {
  if (auto id = optional<std::string>(arguments, "job-id")) return *id;
  const block::Holder* device = session.layer.graph().holder(root, block::Holder::Kind::device);
  return device != nullptr ? device->name : std::string();
}

Answer commit(Session& session, const json& arguments) {
  job::CommitArguments named;
  named.device = text(arguments, "device");
  named.top_node = optional<std::string>(arguments, "top-node");
  named.top = optional<std::string>(arguments, "top");
  named.base_node = optional<std::string>(arguments, "base-node");
  named.base = optional<std::string>(arguments, "base");
  named.backing_file = optional<std::string>(arguments, "backing-file");
  named.filter_node_name = optional<std::string>(arguments, "filter-node-name");

  job::CommitRequest request;
  request.plan = job::plan_commit(session.layer, named);
  request.speed = value_or<std::int64_t>(arguments, "speed", 0);
  request.options.id = job_id(session, arguments, *request.plan.active);
  request.options.on_error = on_error(arguments);
  request.options.finalize = step(arguments, "auto-finalize");
  request.options.dismiss = step(arguments, "auto-dismiss");
  co_await session.jobs.start_commit(request);
  co_return nothing();
}

}  // namespace

std::vector<Command> block_commands() {
  constexpr Presence optional = Presence::optional;
  return {
      {"blockdev-snapshot-sync",
       {{"device", Type::string, optional},
        {"node-name", Type::string, optional},
        {"snapshot-file", Type::string},
        {"snapshot-node-name", Type::string, optional},
        {"format", Type::string, optional},
        {"mode", Type::enumeration, optional, {"existing", "absolute-paths"}}},
       snapshot},
      {"block_resize",
       {{"device", Type::string, optional},
        {"node-name", Type::string, optional},
        {"size", Type::integer}},
       resize},
      {"block-commit",
       {{"job-id", Type::string, optional},
        {"device", Type::string},
        {"base-node", Type::string, optional},
        {"base", Type::string, optional},
        {"top-node", Type::string, optional},
        {"top", Type::string, optional},
        {"backing-file", Type::string, optional},
        {"speed", Type::integer, optional},
        {"on-error", Type::enumeration, optional, {"report", "ignore", "enospc", "stop", "auto"}},
        {"filter-node-name", Type::string, optional},
        {"auto-finalize", Type::boolean, optional},
        {"auto-dismiss", Type::boolean, optional}},
       commit}};
}

}  // namespace engine::qmp
