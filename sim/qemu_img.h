// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace sim {

struct ProgramResult;

/// The qemu-img program as subjects need it; all paths are real ones.
class QemuImg {
 public:
  /// A run that takes longer than `limit` is a SubjectHang, output that is none of qemu-img's a
  /// SubjectFailure.
  QemuImg(std::string program, std::chrono::milliseconds limit)
      : program_(std::move(program)), limit_(limit) {}

  /// The options of Subject::create_image. {"return":{}} or {"error":…}.
  nlohmann::json create(const nlohmann::json& options) const;
  /// What lies in a file, which may be in use: the shape of model::image_info, or {"error":…}.
  nlohmann::json info(const std::string& file) const;
  /// {"corruptions":n,"leaks":n} or {"error":…}.
  nlohmann::json check(const std::string& file) const;

 private:
  ProgramResult run(const std::vector<std::string>& arguments) const;

  std::string program_;
  std::chrono::milliseconds limit_;
};

}  // namespace sim
