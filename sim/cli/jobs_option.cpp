// SPDX-License-Identifier: MIT
#include "sim/cli/jobs_option.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <thread>

namespace sim::cli {

void add_jobs(CLI::App& command, unsigned& jobs, const std::string& what) {
  constexpr unsigned most = 256;
  jobs = std::clamp(std::thread::hardware_concurrency(), 1u, most);
  command.add_option("--jobs", jobs, what + " (default: as many as processors)")
      ->check(CLI::Range(1u, most))
      ->type_name("N");
}

}  // namespace sim::cli
