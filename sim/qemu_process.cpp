// SPDX-License-Identifier: MIT
#include "sim/qemu_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "sim/subject.h"

namespace sim {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

enum class Input { some, none_yet, end };

/// Takes in what there is, without waiting.
Input read_some(const Descriptor& from, std::string& text) {
  char buffer[65536];
  const ssize_t count = read(from.number(), buffer, sizeof buffer);
  if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
  if (count > 0) return Input::some;
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? Input::none_yet : Input::end;
}

void set_nonblocking(int descriptor) {
  fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
}

}  // namespace

QemuProcess::QemuProcess(const std::string& program) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw SubjectFailure("cannot make a socket");
  }
  socket_ = Descriptor(ends[0]);
  Descriptor theirs(ends[1]);
  Pipe console, errors;
  child_ = std::make_unique<Child>(
      std::vector<std::string>{program, "-M", "none", "-accel", "tcg", "-S", "-display", "none",
                               "-nodefaults", "-chardev", "socket,id=qmp,fd=3", "-mon",
                               "chardev=qmp,mode=control"},
      Child::Descriptors{-1, console.writer.number(), errors.writer.number(), theirs.number()});
  console_ = std::move(console.reader);
  errors_ = std::move(errors.reader);
  for (const Descriptor* each : {&socket_, &console_, &errors_}) set_nonblocking(each->number());
  theirs.close();
  console.writer.close();
  errors.writer.close();
  if (!receive(steady_clock::now() + patience)) fail("did not greet");
  execute({{"execute", "qmp_capabilities"}});
}

QemuProcess::~QemuProcess() = default;

json QemuProcess::execute(const json& request) {
  const std::string text = request.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t count =
        send(socket_.number(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      pollfd room{socket_.number(), POLLOUT, 0};
      if (poll(&room, 1, static_cast<int>(patience.count())) <= 0) fail("took no request");
    } else {
      fail("took no request");
    }
  }
  const auto deadline = steady_clock::now() + patience;
  while (true) {
    std::optional<json> message = receive(deadline);
    if (!message) fail("did not answer " + request.value("execute", "a request"));
    if (!message->contains("event")) return std::move(*message);
    events_.push_back(std::move(*message));
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

void QemuProcess::listen(milliseconds time) {
  const auto deadline = steady_clock::now() + time;
  while (std::optional<json> message = receive(deadline)) {
    events_.push_back(std::move(*message));
    if (steady_clock::now() >= deadline) return;
  }
}

std::string QemuProcess::take_console() {
  while (console_.number() >= 0 && read_some(console_, console_text_) == Input::some) {
  }
  return std::exchange(console_text_, {});
}

void QemuProcess::wait_for_end() {
  const auto deadline = steady_clock::now() + patience;
  // Reads on, so that it is not held up by a full pipe.
  while (!child_->wait(milliseconds(0))) {
    if (steady_clock::now() >= deadline) fail("does not quit");
    if (!wait_for_input(steady_clock::now() + milliseconds(2))) child_->wait(milliseconds(1));
  }
  if (child_->status() != 0) fail("did not quit in peace");
}

std::optional<std::string> QemuProcess::buffered_line() {
  const std::size_t end = received_.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = received_.substr(0, end);
  received_.erase(0, end + 1);
  return line;
}

std::optional<json> QemuProcess::receive(Deadline deadline) {
  while (true) {
    if (const std::optional<std::string> line = buffered_line()) {
      json message = json::parse(*line, nullptr, false);
      if (message.is_discarded()) fail("talks rubbish: " + *line);
      return message;
    }
    if (!wait_for_input(deadline)) return std::nullopt;
  }
}

/// Takes in whatever comes first on any of the three streams; false at the deadline.
bool QemuProcess::wait_for_input(Deadline deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
  std::array<pollfd, 3> waits{{{socket_.number(), POLLIN, 0},
                               {console_.number(), POLLIN, 0},
                               {errors_.number(), POLLIN, 0}}};
  const int ready =
      poll(waits.data(), waits.size(), static_cast<int>(std::max<long>(0, left.count())));
  if (ready < 0 && errno == EINTR) return true;
  if (ready <= 0) return false;
  if (waits[1].revents != 0 && read_some(console_, console_text_) == Input::end) console_.close();
  if (waits[2].revents != 0 && read_some(errors_, error_text_) == Input::end) errors_.close();
  if (waits[0].revents != 0 && read_some(socket_, received_) == Input::end) socket_.close();
  return socket_.number() >= 0;
}

void QemuProcess::fail(const std::string& what) {
  constexpr std::size_t most = 500;
  if (!child_->wait(milliseconds(200))) child_->kill();
  if (errors_.number() >= 0) read_some(errors_, error_text_);
  std::string words = error_text_.substr(error_text_.size() - std::min(most, error_text_.size()));
  while (!words.empty() && words.back() == '\n') words.pop_back();
  throw SubjectFailure("QEMU " + what + " (" + child_->ending() + ")" +
                       (words.empty() ? "" : "; its last words: " + words));
}

}  // namespace sim
