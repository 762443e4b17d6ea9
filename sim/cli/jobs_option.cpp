// SPDX-License-Identifier: MIT
#include "sim/cli/jobs_option.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <thread>

namespace sim::cli {

void add_jobs(CLI::App& command, unsigned& jobs, const std::string& what) {
  constexpr unsigned most = 256;
  jobs = std::clamp(std::thread::hardware_concurrency(), 1u, most);
  command.add_option("--jobs", jobs, what + " (default: as many as processors)")
      ->check(CLI::Range(1u, most))
      ->type_name("N");
}

void add_seed(CLI::App& command, std::uint64_t& seed, const std::string& what) {
  // As signed numbers: of others CLI11 takes -1 for the greatest.
  constexpr std::int64_t greatest = std::numeric_limits<std::int64_t>::max() - 1;
  command.add_option("--seed", seed, what)
      ->check(CLI::Range(std::int64_t{0}, greatest, ""))
      ->type_name("N")
      ->capture_default_str();
}

}  // namespace sim::cli
