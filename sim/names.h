// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace sim {

/// The two names of a file: scripts and transcripts write TEST_DIR/PID-name, a subject has a real
/// directory in place of TEST_DIR. Everything a subject is told or tells goes through here.
class Names {
 public:
  /// `directory` is absolute and ends without a slash.
  explicit Names(std::string directory) : directory_(std::move(directory)) {}

  const std::string& directory() const { return directory_; }
  std::string to_real(std::string text) const;
  std::string to_script(std::string text) const;
  /// The same in every string inside.
  nlohmann::json to_real(nlohmann::json value) const;
  nlohmann::json to_script(nlohmann::json value) const;

  static constexpr const char* placeholder = "TEST_DIR";

 private:
  std::string directory_;
};

}  // namespace sim
