// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/step.h"

namespace sim {

/// An image that a step made.
struct MadeImage {
  std::string file;
  std::string format;
  bool foreign = false;  ///< whether something else made it
};

/// The image that a step makes, whether it comes to its end or not.
std::optional<MadeImage> image_made_by(const Step& step);

/// The images that a testcase has made, in order.
class MadeImages {
 public:
  /// `answer` is what the step answered: what is refused makes nothing, and of a step that was cut
  /// short nobody knows what it made.
  void note(const Step& step, const nlohmann::json& answer);
  const std::vector<MadeImage>& all() const { return images_; }

 private:
  std::vector<MadeImage> images_;
};

}  // namespace sim
