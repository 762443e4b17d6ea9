// SPDX-License-Identifier: MIT
#include "sim/qemu_process.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sim/interrupt.h"
#include "sim/qmp_door.h"
#include "sim/reply_shapes.h"
#include "sim/request.h"
#include "sim/subject.h"
#include "sim/usage_error.h"

namespace sim {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// How long a process may take to be gone once nothing holds it.
constexpr milliseconds last_breath{1'000};

/// What nobody waits for is kept until the process ends, so that a later step may wait for it.
constexpr std::size_t most_events = 20'000, most_event_bytes = 64 << 20;

std::string text_of(const json& request) {
  return request.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

QemuProcess::QemuProcess(const QmpProgram& program, FaultTable* faults)
    : program_(program), wire_(Descriptor(), Descriptor()) {
  if (faults != nullptr) supervisor_ = std::make_unique<CallSupervisor>(*faults);
  if (program_.started_by_us()) start();
}

void QemuProcess::meet() {
  const Deadline deadline = limit();
  if (program_.started_by_us()) {
    let_in(deadline);
    negotiate(greeting(deadline), deadline);
  } else {
    negotiate(reach(deadline), deadline);
  }
}

QemuProcess::~QemuProcess() = default;

void QemuProcess::start() {
  door_ = std::make_unique<QmpDoor>();
  Pipe console, errors;
  const int supervisor = supervisor_ ? supervisor_->door() : -1;
  child_ = std::make_unique<Child>(
      command_with_socket(program_, door_->path()),
      Child::Descriptors{console.writer.number(), errors.writer.number(), supervisor});
  if (supervisor_) supervisor_->watch();
  wire_ = QmpWire(std::move(console.reader), std::move(errors.reader));
  console.writer.close();
  errors.writer.close();
}

void QemuProcess::let_in(Deadline deadline) {
  constexpr milliseconds look{20};
  while (!wire_.wait_for(door_->listener(), std::min(deadline, steady_clock::now() + look))) {
    if (child_->wait(milliseconds(0))) ended("");
    if (steady_clock::now() >= deadline) silent("did not connect to its QMP socket");
  }
  wire_.connect(door_->accept());
  door_.reset();
}

/// Nothing tells when somebody binds a socket, so we knock. One that is on its way out may still
/// let us in, and close without a word.
json QemuProcess::reach(Deadline deadline) {
  constexpr int pause_ms = 5;
  while (true) {
    Descriptor socket = connect_to(program_.socket);
    const bool more = program_.acquaintance->met && steady_clock::now() < deadline;
    if (socket.number() < 0 && !more) {
      unusable(std::string("nobody listens there: ") + std::strerror(errno));
    }
    wire_.connect(std::move(socket));
    try {
      if (const auto message = wire_.receive(deadline)) return *message;
      silent("did not greet");
    } catch (const WireError& error) {
      if (error.kind() == WireError::Kind::rubbish || !more) unusable(error.what());
    }
    poll(nullptr, 0, pause_ms);
    InterruptGuard::check();
  }
}

json QemuProcess::greeting(Deadline deadline) {
  const std::optional<json> message = receive(deadline);
  if (!message) silent("did not greet on its QMP socket");
  return *message;
}

void QemuProcess::negotiate(const json& greeting, Deadline deadline) {
  if (!greeting.contains("QMP")) unusable("did not greet as QMP does");
  const json capabilities = exchange({{"execute", "qmp_capabilities"}}, deadline);
  if (!capabilities.contains("return")) unusable("refused qmp_capabilities");
  const json answer = exchange({{"execute", "query-version"}}, deadline);
  const json& told = greeting["QMP"];
  version_ = answer.contains("return")                      ? answer["return"]
             : told.is_object() && told.contains("version") ? told["version"]
                                                            : json::object();
  greeted_ = true;
  program_.acquaintance->met = true;
}

json QemuProcess::execute(const json& request) {
  last_request_ = text_of(request);
  return exchange(request, limit());
}

json QemuProcess::ask(const json& request) { return exchange(request, limit()); }

json QemuProcess::exchange(const json& request, Deadline deadline) {
  const std::string command = command_of(request);
  const std::string what = command.empty() ? "a request" : command;
  try {
    if (!wire_.send(text_of(request) + "\n", deadline)) silent("did not take " + what);
  } catch (const WireError&) {
    // What it sent before it went says more.
  }
  while (std::optional<json> message = receive(deadline)) {
    if (!message->contains("event")) {
      check(request, *message);
      return std::move(*message);
    }
    keep_event(std::move(*message));
    if (steady_clock::now() >= deadline) break;
  }
  silent("did not answer " + what);
}

/// What is not as it must be is told by its place.
void QemuProcess::check(const json& request, const json& reply) {
  const std::string command = command_of(request);
  const std::optional<std::string> fault = fault_of_reply(command, reply);
  if (fault) unusable((command.empty() ? "a request" : command) + " answered " + *fault);
}

void QemuProcess::keep_event(json event) {
  event_bytes_ += wire_.last_size();
  events_.push_back(std::move(event));
  if (events_.size() > most_events || event_bytes_ > most_event_bytes) {
    unusable("sends events without end (the last one is " + text_of(events_.back()["event"]) + ")");
  }
}

std::optional<json> QemuProcess::take_event(const std::string& name) {
  const auto found = std::find_if(events_.begin(), events_.end(),
                                  [&](const json& event) { return event["event"] == name; });
  if (found == events_.end()) return std::nullopt;
  json event = std::move(*found);
  events_.erase(found);
  return event;
}

bool QemuProcess::wait_for_event(Deadline deadline) {
  std::optional<json> message = receive(deadline);
  if (!message) return false;
  if (!message->contains("event")) unusable("answers what it was not asked");
  keep_event(std::move(*message));
  return true;
}

std::string QemuProcess::take_console() try {
  return wire_.take_console();
} catch (const WireError& error) {
  broke(error);
}

std::string QemuProcess::take_errors() { return wire_.take_errors(); }

void QemuProcess::wait_for_end() {
  const Deadline deadline = limit();
  try {
    // Events may come until the end, and reading them is part of waiting.
    while (wire_.receive(deadline) && steady_clock::now() < deadline) {
    }
    silent("did not quit");
  } catch (const WireError& error) {
    if (error.kind() == WireError::Kind::rubbish) unusable(error.what());
  }
  wire_.drain(deadline);
  if (!child_) return;
  const milliseconds left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
  if (!child_->wait(std::max(left, last_breath))) silent("did not quit");
  if (child_->status() != 0) ended(" at " + last_request_);
}

void QemuProcess::kill() {
  child_->kill();
  // What it started may be a moment longer on its way out, and hold locks until then.
  wire_.drain(steady_clock::now() + last_breath);
}

std::optional<json> QemuProcess::receive(Deadline deadline) {
  try {
    return wire_.receive(deadline);
  } catch (const WireError& error) {
    broke(error);
  }
}

void QemuProcess::broke(const WireError& error) {
  if (error.kind() == WireError::Kind::rubbish) unusable(error.what());
  if (!child_) {
    if (!greeted_) unusable("closed the connection before it greeted");
    throw SubjectCrash(program_.name + ": closed the connection at " + last_request_, {},
                       last_request_);
  }
  wire_.drain(steady_clock::now() + last_breath);
  if (!child_->wait(last_breath)) unusable("closed its QMP socket, but goes on");
  ended(" at " + last_request_);
}

/// The child is gone, without having been asked to.
void QemuProcess::ended(const std::string& when) {
  wire_.drain(steady_clock::now() + last_breath);
  const std::string words = wire_.last_words();
  const std::string how = child_->ending() + (words.empty() ? "" : "; its last words: " + words);
  if (!known()) {
    throw UsageError(program_.place() + ": is no QEMU that runs: it ended before it greeted (" +
                     how + ")");
  }
  throw SubjectCrash(program_.name + " ended" + when + " (" + how + ")", child_->end(),
                     last_request_);
}

/// What it did, with its last words; it is gone then. Before it ever greeted it is none of ours.
std::string QemuProcess::dismissal(const std::string& what) {
  if (child_) kill();
  const std::string words = wire_.last_words();
  const std::string text = what + (words.empty() ? "" : " (its last words: " + words + ")");
  if (!known()) throw UsageError(program_.place() + ": " + text);
  return program_.name + " " + text;
}

void QemuProcess::unusable(const std::string& what) { throw SubjectFailure(dismissal(what)); }

void QemuProcess::silent(const std::string& what) {
  throw SubjectHang(dismissal(what + " within " + seconds_text(program_.limit)));
}

}  // namespace sim
