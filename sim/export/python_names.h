// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace sim::exporting {

/// The images of a scenario (TEST_DIR/PID-name) as variables of a Python program, and texts and
/// values that mention them as Python expressions.
class PythonNames {
 public:
  /// Makes variables for the images that `text` mentions.
  void learn(const std::string& text);
  /// The names of all images and their variables, in the order in which they were learned.
  const std::vector<std::pair<std::string, std::string>>& images() const { return images_; }

  /// 'plain', base_img, f'format=qcow2,file={base_img}', … Throws std::invalid_argument for a place
  /// in TEST_DIR that is no PID-name.
  std::string expression(const std::string& text) const;
  /// The same for any JSON: {'key': True}, …
  std::string expression(const nlohmann::json& value) const;

 private:
  const std::string& variable(const std::string& image) const;

  std::vector<std::pair<std::string, std::string>> images_;
};

/// A Python literal for text without images.
std::string python_string(const std::string& text);

}  // namespace sim::exporting
