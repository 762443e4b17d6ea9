// SPDX-License-Identifier: MIT
#include "sim/transcript.h"

#include <algorithm>

#include "sim/render.h"

namespace sim {

void Transcript::title(const std::string& title) {
  testcase_ = title;
  add("\nTestcase " + title + "\n\n", {title, 0, "testcase"});
}

void Transcript::step(const Step& step, const nlohmann::json& observation) {
  add(render(step, observation), {testcase_, step.line, step.text});
}

void Transcript::append(const Transcript& other) {
  text_ += other.text_;
  origins_.insert(origins_.end(), other.origins_.begin(), other.origins_.end());
  testcase_ = other.testcase_;
}

void Transcript::add(const std::string& lines, const Origin& origin) {
  if (lines.empty()) return;
  text_ += lines;
  origins_.insert(origins_.end(),
                  static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n')), origin);
}

const Transcript::Origin& Transcript::origin(std::size_t index) const {
  static const Origin nowhere;
  if (origins_.empty()) return nowhere;
  return origins_[std::min(index, origins_.size() - 1)];
}

}  // namespace sim
