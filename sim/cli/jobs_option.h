// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace CLI {
class App;
}

namespace sim::cli {

/// Adds --jobs, which says `what` ("how many scenarios run at once"). Sets `jobs` to the number of
/// processors, as it stays if the option is not given.
void add_jobs(CLI::App& command, unsigned& jobs, const std::string& what);

/// Adds --seed, which says `what`; its default is what `seed` is.
void add_seed(CLI::App& command, std::uint64_t& seed, const std::string& what);

}  // namespace sim::cli
