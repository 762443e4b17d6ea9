// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "sim/step.h"

namespace sim {

/// The text that a scenario's run leaves, and which step each of its lines came from.
class Transcript {
 public:
  /// Where a line came from.
  struct Origin {
    std::string testcase;
    int line = 0;      ///< of the script; 0: the title
    std::string step;  ///< its text
  };

  /// Starts a testcase: its title between blank lines.
  void title(const std::string& title);
  /// What a step showed.
  void step(const Step& step, const nlohmann::json& observation);
  /// Adds a testcase that was transcribed on its own.
  void append(const Transcript& other);

  const std::string& text() const { return text_; }
  /// Where line `index` (from 0) came from; the last line's origin beyond the end.
  const Origin& origin(std::size_t index) const;

 private:
  void add(const std::string& lines, const Origin& origin);

  std::string text_;
  std::vector<Origin> origins_;
  std::string testcase_;
};

}  // namespace sim
