// SPDX-License-Identifier: MIT
#include "engine/qmp/session.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/qmp/object.h"

namespace engine::qmp {
namespace {

using nlohmann::json;

json progress(const job::Job& job) {
  return object({{"device", job.id()},
                 {"type", job.type()},
                 {"len", job.length().value},
                 {"offset", job.offset().value},
                 {"speed", job.speed()}});
}

}  // namespace

io::Task<void> Session::until_guests_done() {
  while (guests.running() > layer.held_requests()) co_await guests.below(guests.running());
}

void send_event(io::Runtime& runtime, const Sinks& sinks, std::string_view name, json data) {
  if (!sinks.event) return;
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(runtime.now()).count();
  constexpr std::int64_t per_second = 1'000'000;
  json time = object({{"seconds", now / per_second}, {"microseconds", now % per_second}});
  json event = object({{"event", name}, {"timestamp", std::move(time)}});
  if (!data.is_null()) event["data"] = std::move(data);
  sinks.event(event);
}

void JobEvents::status_changed(const job::Job& job) {
  json data = object({{"status", to_string(job.status())}, {"id", job.id()}});
  send_event(runtime_, sinks_, "JOB_STATUS_CHANGE", std::move(data));
}

void JobEvents::ready(const job::Job& job) {
  send_event(runtime_, sinks_, "BLOCK_JOB_READY", progress(job));
}

void JobEvents::pending(const job::Job& job) {
  json data = object({{"type", job.type()}, {"id", job.id()}});
  send_event(runtime_, sinks_, "BLOCK_JOB_PENDING", std::move(data));
}

void JobEvents::completed(const job::Job& job) {
  json data = progress(job);
  if (!job.error().empty()) data["error"] = job.error();
  send_event(runtime_, sinks_, "BLOCK_JOB_COMPLETED", std::move(data));
}

void JobEvents::cancelled(const job::Job& job) {
  send_event(runtime_, sinks_, "BLOCK_JOB_CANCELLED", progress(job));
}

void JobEvents::error(const job::Job& job, std::string_view operation, std::string_view action) {
  json data = object({{"device", job.id()}, {"operation", operation}, {"action", action}});
  send_event(runtime_, sinks_, "BLOCK_JOB_ERROR", std::move(data));
}

Session::Session(io::Runtime& runtime_in, io::Host& host, Sinks sinks_in)
    : sinks(std::move(sinks_in)),
      runtime(runtime_in),
      layer(runtime, host,
            {[this](const std::string& text) { print(text); },
             [this](const std::string& text) { report(text); }}),
      job_events(runtime, sinks),
      jobs(layer, job_events),
      guests(runtime) {}

void Session::print(const std::string& text) const {
  if (sinks.console) sinks.console(text);
}

void Session::report(const std::string& text) const {
  if (human_reply != nullptr) {
    *human_reply += text + "\r\n";
  } else {
    print(text + "\n");
  }
}

}  // namespace engine::qmp
