// SPDX-License-Identifier: MIT
#include "sim/qmp_wire.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "sim/interrupt.h"
#include "sim/script/bounds.h"

namespace sim {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// Read, JSON takes twenty times its length at worst.
constexpr std::size_t longest_line = 16 << 20;
constexpr std::size_t most_printed = 64 << 20, last_errors = 64 << 10;

/// Takes in what there is, without waiting. False at the end of the stream.
bool read_some(const Descriptor& from, std::string& text) {
  char buffer[65536];
  const ssize_t count = read(from.number(), buffer, sizeof buffer);
  if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

/// Takes in all that there is, without waiting, as far as it is bounded.
void read_all(const Descriptor& from, std::string& text) {
  while (from.number() >= 0 && text.size() <= most_printed) {
    const std::size_t before = text.size();
    if (!read_some(from, text) || text.size() == before) return;
  }
}

void set_nonblocking(const Descriptor& descriptor) {
  if (descriptor.number() < 0) return;
  fcntl(descriptor.number(), F_SETFL, fcntl(descriptor.number(), F_GETFL) | O_NONBLOCK);
}

/// A signal may hit another thread than the one that waits.
int slice(QmpWire::Deadline deadline) {
  constexpr long longest_slice = 50;
  const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
  return static_cast<int>(std::clamp<long>(left.count(), 0, longest_slice));
}

/// The beginning of a text that nobody expected, fit for one line.
std::string quoted(const std::string& text) {
  constexpr std::size_t most = 60;
  std::string result = "'";
  for (const char c : text.substr(0, most)) result.push_back(c >= ' ' && c < '\x7f' ? c : '?');
  return result + (text.size() > most ? "…'" : "'");
}

[[noreturn]] void rubbish(const std::string& text) {
  throw WireError(WireError::Kind::rubbish, "talks rubbish where QMP is expected: " + quoted(text));
}

/// Our own words for what is allowed begin so, and are nobody else's to say.
bool uses_our_words(const json& value) {
  if (value.is_object()) {
    for (const auto& [key, inside] : value.items()) {
      if (key.starts_with('$') || uses_our_words(inside)) return true;
    }
    return false;
  }
  return value.is_array() && std::any_of(value.begin(), value.end(), uses_our_words);
}

bool is_message(const json& message) {
  return message.is_object() &&
         (message.contains("return") || message.contains("error") || message.contains("QMP") ||
          (message.contains("event") && message["event"].is_string()));
}

}  // namespace

QmpWire::QmpWire(Descriptor console, Descriptor errors)
    : console_(std::move(console)), errors_(std::move(errors)) {
  set_nonblocking(console_);
  set_nonblocking(errors_);
}

/// Takes in whatever comes first on any of the streams. False at the deadline.
bool QmpWire::poll_once(int extra, Deadline deadline) {
  std::array<pollfd, 4> waits{{{socket_.number(), POLLIN, 0},
                               {console_.number(), POLLIN, 0},
                               {errors_.number(), POLLIN, 0},
                               {extra, POLLIN, 0}}};
  const int ready = poll(waits.data(), waits.size(), slice(deadline));
  InterruptGuard::check();
  const bool in_time = steady_clock::now() < deadline;
  if (ready <= 0) return in_time;
  if (waits[1].revents != 0 && !read_some(console_, console_text_)) console_.close();
  if (waits[2].revents != 0 && !read_some(errors_, error_text_)) errors_.close();
  bound_printed();
  if (waits[0].revents != 0 && !read_some(socket_, received_)) socket_.close();
  return in_time;
}

/// What a step prints is kept whole or not at all; of complaints the last ones tell most.
void QmpWire::bound_printed() {
  if (console_text_.size() > most_printed) {
    console_is_full_ = true;
    console_text_.clear();
  }
  if (error_text_.size() > most_printed) {
    error_text_.erase(0, error_text_.size() - last_errors);
    errors_taken_ = 0;
  }
}

bool QmpWire::wait_for(const Descriptor& other, Deadline deadline) {
  while (true) {
    pollfd wait{other.number(), POLLIN, 0};
    if (poll(&wait, 1, 0) > 0) return true;
    if (!poll_once(other.number(), deadline)) return false;
  }
}

bool QmpWire::send(const std::string& text, Deadline deadline) {
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t count =
        ::send(socket_.number(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      // It may wait for us to read before it reads on.
      pollfd room{socket_.number(), POLLOUT, 0};
      const bool in_time =
          poll(&room, 1, 1) > 0 ? steady_clock::now() < deadline : poll_once(-1, deadline);
      if (!in_time || received_.size() > longest_line) return false;
    } else if (errno != EINTR) {
      throw WireError(WireError::Kind::closed, "closed its QMP socket");
    }
  }
  return true;
}

std::optional<std::string> QmpWire::buffered_line() {
  const std::size_t end = received_.find('\n', searched_);
  if (end == std::string::npos) {
    received_.erase(0, taken_);
    searched_ = received_.size();
    taken_ = 0;
    if (received_.size() > longest_line) rubbish(received_);
    return std::nullopt;
  }
  std::string line = received_.substr(taken_, end - taken_);
  taken_ = searched_ = end + 1;
  return line;
}

std::optional<json> QmpWire::receive(Deadline deadline) {
  for (bool in_time = true;;) {
    if (const std::optional<std::string> line = buffered_line()) {
      if (line->find_first_not_of(" \t\r") == std::string::npos) continue;
      if (script::nests_too_deep(*line)) rubbish(*line);
      last_size_ = line->size();
      json message = json::parse(*line, nullptr, false);
      if (!is_message(message)) rubbish(*line);
      const bool may =
          line->find('$') != std::string::npos || line->find("\\u") != std::string::npos;
      if (may && uses_our_words(message)) rubbish(*line);
      return message;
    }
    if (socket_.number() < 0) {
      if (!received_.empty() && received_[0] != '{') rubbish(received_);
      throw WireError(WireError::Kind::closed, "closed its QMP socket");
    }
    if (!in_time) return std::nullopt;
    in_time = poll_once(-1, deadline);
  }
}

void QmpWire::drain(Deadline deadline) {
  socket_.close();
  while ((console_.number() >= 0 || errors_.number() >= 0) && poll_once(-1, deadline)) {
  }
}

std::string QmpWire::take_errors() {
  read_all(errors_, error_text_);
  bound_printed();
  return error_text_.substr(std::exchange(errors_taken_, error_text_.size()));
}

std::string QmpWire::take_console() {
  read_all(console_, console_text_);
  bound_printed();
  if (std::exchange(console_is_full_, false)) {
    throw WireError(WireError::Kind::rubbish, "prints more than 64 MiB at a time");
  }
  return std::exchange(console_text_, {});
}

void QmpWire::forget_printed() {
  take_errors();
  read_all(console_, console_text_);
  console_text_.clear();
  console_is_full_ = false;
}

std::string QmpWire::last_words() const {
  constexpr std::size_t most = 500;
  std::string words;
  for (const char c : error_text_.substr(error_text_.size() - std::min(most, error_text_.size()))) {
    if (c != '\r') words.push_back(c == '\n' ? ' ' : c);
  }
  while (words.ends_with(' ')) words.pop_back();
  return words;
}

}  // namespace sim
