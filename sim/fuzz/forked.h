// SPDX-License-Identifier: MIT
#pragma once

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
  /// What it told since the last call; waits if there is nothing, and answers nothing at its end.
  std::vector<nlohmann::json> listen();
  /// After listen() answered nothing: "SIGABRT" or the like, if a signal ended it.
  std::optional<std::string> died_of();

 private:
  Pipe pipe_;
  pid_t process_;
  std::string received_;
};

}  // namespace sim::fuzz
