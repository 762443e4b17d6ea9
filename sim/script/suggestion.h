// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sim::script {

/// The one of `names` that `word` was most likely meant to be: at most a third of its letters are
/// wrong, missing, too many or exchanged. Empty if there is none.
std::string nearest(std::string_view word, const std::vector<std::string>& names);

/// "; did you mean 'NAME'?", or nothing.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& names);

}  // namespace sim::script
