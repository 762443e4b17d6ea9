// SPDX-License-Identifier: MIT
#include "sim/made_images.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sim {

using nlohmann::json;

std::optional<MadeImage> image_made_by(const Step& step) {
  if (const auto* create = std::get_if<CreateStep>(&step.action)) {
    return MadeImage{create->options["file"], create->options.value("format", "qcow2")};
  }
  if (const auto* found = std::get_if<ForeignStep>(&step.action))
    return MadeImage{found->file, "qcow2", true};
  const auto* command = std::get_if<QmpStep>(&step.action);
  if (command == nullptr || command->request.value("execute", json()) != "blockdev-snapshot-sync") {
    return std::nullopt;
  }
  const json arguments = command->request.value("arguments", json());
  if (!arguments.is_object() || !arguments.contains("snapshot-file")) return std::nullopt;
  if (!arguments["snapshot-file"].is_string()) return std::nullopt;
  return MadeImage{arguments["snapshot-file"], arguments.value("format", "qcow2")};
}

void MadeImages::note(const Step& step, const json& answer) {
  if (!answer.is_object() || !answer.contains("return")) return;
  const std::optional<MadeImage> image = image_made_by(step);
  if (!image) return;
  std::erase_if(images_, [&](const MadeImage& each) { return each.file == image->file; });
  images_.push_back(*image);
}

}  // namespace sim
