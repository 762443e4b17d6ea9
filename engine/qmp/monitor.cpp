// SPDX-License-Identifier: MIT
#include "engine/qmp/monitor.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "engine/block/bitmap_commands.h"
#include "engine/error.h"
#include "engine/qmp/commands.h"
#include "engine/qmp/human_monitor.h"
#include "engine/qmp/object.h"
#include "engine/qmp/session.h"

namespace engine::qmp {
namespace {

using nlohmann::json;

void check_members(const json& request) {
  constexpr std::array<std::string_view, 3> known{"arguments", "execute", "id"};
  for (const auto& [key, ignored] : request.items()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    throw Refusal("QMP input member '" + key + "' is unexpected");
  }
  const auto execute = request.find("execute");
  if (execute == request.end()) throw Refusal("QMP input lacks member 'execute'");
  if (!execute->is_string()) throw Refusal("QMP input member 'execute' must be a string");
  const auto arguments = request.find("arguments");
  if (arguments != request.end() && !arguments->is_object()) {
    throw Refusal("QMP input member 'arguments' must be an object");
  }
}

const Command& command_of(const json& request) {
  if (!request.is_object()) throw Refusal("QMP input must be a JSON object");
  check_members(request);
  const std::string& name = request["execute"].get_ref<const std::string&>();
  const Command* command = find_command(name);
  if (command == nullptr) {
    throw Refusal("The command " + name + " has not been found", ErrorClass::command_not_found);
  }
  return *command;
}

/// A job's end, once it changes the graph, is one step to every command, as in QEMU, whose monitor
/// waits so long (M58). What ends jobs itself finds one that ends by itself, and waits for that.
bool may_come_in_the_midst(const Command& command) {
  constexpr std::array<std::string_view, 3> ending{"quit", "block-job-cancel", "job-cancel"};
  return std::ranges::find(ending, command.name) != ending.end();
}

json error_reply(const Refusal& refusal) {
  json error = object({{"class", to_string(refusal.error_class())}, {"desc", refusal.what()}});
  return object({{"error", std::move(error)}});
}

}  // namespace

struct Monitor::State {
  State(io::Runtime& runtime, io::Host& host, Sinks sinks)
      : session(runtime, host, std::move(sinks)), turn(runtime) {}

  Session session;
  io::Mutex turn;
};

Monitor::Monitor(io::Runtime& runtime, io::Host& host, Sinks sinks)
    : state_(std::make_unique<State>(runtime, host, std::move(sinks))) {}

Monitor::~Monitor() = default;

io::Task<json> Monitor::execute(json request) {
  const io::Mutex::Guard guard = co_await state_->turn.lock();
  json reply;
  try {
    const Command& command = command_of(request);
    const auto found = request.find("arguments");
    const json arguments = found != request.end() ? std::move(*found) : json::object();
    if (command.checking == Checking::by_schema) check_arguments(command.schema, arguments);
    if (!may_come_in_the_midst(command)) {
      const io::Mutex::Guard let_through = co_await state_->session.layer.changes().lock();
    }
    io::Task<json> work = command.handler(state_->session, arguments);
    reply["return"] = co_await work;
  } catch (const Refusal& refusal) {
    reply = error_reply(refusal);
  }
  if (request.is_object() && request.contains("id")) reply["id"] = request["id"];
  co_return reply;
}

io::Task<std::string> Monitor::human(std::string line) {
  const io::Mutex::Guard guard = co_await state_->turn.lock();
  { const io::Mutex::Guard let_through = co_await state_->session.layer.changes().lock(); }
  io::Task<std::string> work = human_command(state_->session, std::move(line));
  co_return co_await work;
}

ByteCount Monitor::length(const std::string& node) const {
  return block::require_bitmap_node(state_->session.layer, node).length();
}

io::Task<void> Monitor::read(const std::string& node, GuestOffset offset,
                             std::span<std::byte> buffer) {
  return block::require_bitmap_node(state_->session.layer, node).read(offset, buffer);
}

std::vector<bitmap::Range> Monitor::dirty_ranges(const std::string& node,
                                                 const std::string& name) const {
  return block::require_bitmap(state_->session.layer, {node, name}).bits.dirty_ranges();
}

bool Monitor::jobs_ending(io::Nanoseconds patience) const {
  return state_->session.jobs.ending(patience);
}

bool Monitor::requests_in_flight() const { return state_->session.guests.running() > 0; }

}  // namespace engine::qmp
