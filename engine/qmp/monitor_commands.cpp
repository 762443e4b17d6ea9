// SPDX-License-Identifier: MIT
#include "engine/error.h"
#include "engine/qmp/arguments.h"
#include "engine/qmp/commands.h"
#include "engine/qmp/human_monitor.h"
#include "engine/qmp/session.h"

namespace engine::qmp {
namespace {

using nlohmann::json;
using Answer = io::Task<json>;

/// A client that never negotiates is served all the same: that is the socket server's business.
Answer capabilities(Session& session, const json& arguments) {
  for (const json& capability : arguments.value("enable", json::array())) {
    if (capability != "oob") {
      throw Refusal("Parameter 'null' does not accept value '" + capability.get<std::string>() +
                    "'");
    }
  }
  if (session.negotiation == Negotiation::done) {
    throw Refusal("Capabilities negotiation is already complete, command ignored",
                  ErrorClass::command_not_found);
  }
  session.negotiation = Negotiation::done;
  return Answer::ready(nothing());
}

Answer quit(Session& session, const json&) {
  json reason{{"guest", false}, {"reason", "host-qmp-quit"}};
  send_event(session.runtime, session.sinks, "SHUTDOWN", std::move(reason));
  co_await session.jobs.cancel_all();
  co_await session.guests.join();
  co_await session.layer.close_all();
  co_return nothing();
}

Answer human_monitor_command(Session& session, const json& arguments) {
  if (arguments.contains("cpu-index")) {
    throw Refusal("Parameter 'cpu-index' expects a CPU number");
  }
  const std::string line = text(arguments, "command-line");
  std::string reply = co_await human_command(session, line);
  co_return json(std::move(reply));
}

}  // namespace

std::vector<Command> monitor_commands() {
  return {{"qmp_capabilities", {{"enable", Type::string_list, Presence::optional}}, capabilities},
          {"quit", {}, quit},
          {"human-monitor-command",
           {{"command-line", Type::string}, {"cpu-index", Type::integer, Presence::optional}},
           human_monitor_command}};
}

}  // namespace engine::qmp
