// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/child.h"

namespace sim::fuzz {

/// Says something to the process that forked us: one JSON value, whole.
using Tell = std::function<void(const nlohmann::json&)>;

/// A copy of ourselves that does some work apart, so that a crash of it is a result and not the
/// end. Interrupts in the terminal reach both. Killed and waited for when this goes.
class Forked {
 public:
  /// Requires that this process has no threads. `body` runs in the copy, which then ends.
  explicit Forked(const std::function<void(const Tell&)>& body);
  Forked(Forked&& other) noexcept;
  Forked& operator=(Forked&& other) noexcept;
  ~Forked();

  /// What to wait for (poll, POLLIN) before listen().
  int descriptor() const { return pipe_.reader.number(); }
  using TimePoint = std::chrono::steady_clock::time_point;
  /// Waits until there is something to listen() to; false if we are interrupted first, or it is
  /// `end`.
  bool await(TimePoint end = TimePoint::max()) const;
  /// What it told since the last call; waits if there is nothing, and answers nothing at its end.
  std::vector<nlohmann::json> listen();
  /// Sends it the signal of Ctrl-C, which reached us alone perhaps.
  void interrupt() const;
  /// After listen() answered nothing: waits for its end; "died of SIGABRT", "ended with status 1"
  /// or the like unless it ended well.
  std::optional<std::string> bad_end();
  /// What it said on standard error, the last of it.
  std::string last_words() const;

 private:
  Pipe pipe_;
  Descriptor words_;  ///< a file in memory that is its standard error
  pid_t process_;
  std::string received_;
};

}  // namespace sim::fuzz
