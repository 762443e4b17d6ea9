// SPDX-License-Identifier: MIT
#include "sim/subject.h"

#include <nlohmann/json.hpp>

namespace sim {

void Subject::cut_short(const Cut& cut, const std::function<void()>& step) {
  step();
  cut.how == Stop::power ? cut_power(cut.kept) : stop(cut.how);
}

void Subject::fail_operation(unsigned, int) {
  throw CannotFollow("its storage operations are not ours to count");
}

nlohmann::json Subject::dirty_runs(const std::string&, const std::string&) { return nullptr; }

}  // namespace sim
