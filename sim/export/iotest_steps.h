// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "sim/export/python_names.h"
#include "sim/step.h"

namespace sim::exporting {

/// Text as Python comments of at most `width` columns, where words allow it.
std::vector<std::string> comment_lines(const std::string& text, std::size_t width);

/// One testcase as the body of a Python function that uses QEMU's iotests.py, and what that prints
/// on a QEMU that answers as the model does.
class IotestSteps {
 public:
  /// `names` knows the images of all steps.
  explicit IotestSteps(const PythonNames& names) : names_(names) {}

  /// A line of the story.
  void comment(const std::string& text);
  /// Adds a step, given what the model allows to be seen of it; of dirty bits also their "sha256".
  /// Throws std::invalid_argument with
  /// the reason if the one or the other cannot be said.
  void add(const Step& step, const nlohmann::json& allowed);
  /// Ends the virtual machine.
  void finish();

  const std::vector<std::string>& lines() const { return lines_; }
  const std::string& expected() const { return expected_; }
  /// Names of the helper functions that the lines call.
  const std::set<std::string>& helpers() const { return helpers_; }

 private:
  struct Writer;

  void line(const std::string& text);
  /// HELPER(first, arguments…), on several lines if one would be long.
  void call(const std::string& helper, const std::vector<std::string>& arguments);
  void need_machine();
  void end_machine(const std::string& how);

  const PythonNames& names_;
  std::vector<std::string> lines_;
  std::string expected_;
  std::string console_;  ///< what QEMU will have printed since it started
  std::set<std::string> helpers_;
  bool runs_ = false;
};

}  // namespace sim::exporting
