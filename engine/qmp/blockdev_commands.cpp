// SPDX-License-Identifier: MIT
#include "engine/block/blockdev.h"
#include "engine/qmp/arguments.h"
#include "engine/qmp/blockdev_options.h"
#include "engine/qmp/commands.h"
#include "engine/qmp/session.h"

namespace engine::qmp {
namespace {

using nlohmann::json;
using Answer = io::Task<json>;

Answer blockdev_add(Session& session, const json& arguments) {
  block::NodeOptions options = parse_blockdev_options(arguments);
  co_await block::add_node(session.layer, std::move(options));
  co_return nothing();
}

Answer blockdev_del(Session& session, const json& arguments) {
  const std::string name = text(arguments, "node-name");
  co_await block::delete_node(session.layer, name);
  co_return nothing();
}

Answer blockdev_snapshot(Session& session, const json& arguments) {
  const std::string node = text(arguments, "node");
  const std::string overlay = text(arguments, "overlay");
  co_await block::put_overlay(session.layer, node, overlay);
  co_return nothing();
}

}  // namespace

std::vector<Command> blockdev_commands() {
  return {{"blockdev-add", {}, blockdev_add, Checking::by_handler},
          {"blockdev-del", {{"node-name", Type::string}}, blockdev_del},
          {"blockdev-snapshot",
           {{"node", Type::string}, {"overlay", Type::string}},
           blockdev_snapshot}};
}

}  // namespace engine::qmp
