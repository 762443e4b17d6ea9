// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stdexcept>
#include <string>

#include "sim/child.h"

namespace sim {

/// The other side of a wire did what QMP does not know: closed it, or sent something else.
class WireError : public std::runtime_error {
 public:
  enum class Kind { closed, rubbish };
  WireError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

/// The three streams of a program that speaks QMP: its socket, and what it prints. All are read
/// whenever one is waited for, so that no full pipe holds the program up. Lines of QMP and what is
/// printed are kept to a bound: a longer line is rubbish. Waits end early with a UsageError when we
/// are interrupted.
class QmpWire {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// Without a socket yet. Either stream may be none.
  QmpWire(Descriptor console, Descriptor errors);
  void connect(Descriptor socket) { socket_ = std::move(socket); }

  /// Waits until `other` has input. False at the deadline.
  bool wait_for(const Descriptor& other, Deadline deadline);
  /// False if not all could be sent by the deadline. Throws WireError.
  bool send(const std::string& text, Deadline deadline);
  /// The next message, or nothing at the deadline. Throws WireError.
  std::optional<nlohmann::json> receive(Deadline deadline);
  /// How many characters the last message had.
  std::size_t last_size() const { return last_size_; }
  /// Reads what is printed until the streams end, which is when the last process that has them is
  /// gone.
  void drain(Deadline deadline);

  /// What was printed on standard output since the last call. Throws WireError if that is more than
  /// a step may print.
  std::string take_console();
  /// What was printed on standard error since the last call; the last of it, if it is much.
  std::string take_errors();
  /// Takes both, and does not want to know.
  void forget_printed();
  /// The end of what was printed on standard error, on one line.
  std::string last_words() const;

 private:
  std::optional<std::string> buffered_line();
  void bound_printed();
  bool poll_once(int extra, Deadline deadline);

  Descriptor socket_, console_, errors_;
  std::string received_, console_text_, error_text_;
  std::size_t taken_ = 0, searched_ = 0;  ///< how far into `received_`
  std::size_t last_size_ = 0;
  std::size_t errors_taken_ = 0;  ///< how far into `error_text_`
  bool console_is_full_ = false;  ///< more was printed than is kept
};

}  // namespace sim
