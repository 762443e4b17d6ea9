// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace sim::script {

/// Whether a JSON text nests more objects and lists in each other than QEMU reads (1024). Reading
/// and printing JSON takes stack for each of them.
bool nests_too_deep(std::string_view json);

/// Whether a file of that name lies elsewhere than in the scenario's own directory: an absolute
/// path, or one with ".." in it.
bool leaves_directory(const std::string& name);

/// The first file that a request asks to make (snapshot-file, target) and that leaves the
/// directory; empty if there is none.
std::string made_outside(const nlohmann::json& request);

}  // namespace sim::script
