// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "sim/cli/cli.h"
#include "sim/cli/jobs_option.h"
#include "sim/sweep/faults.h"
#include "sim/sweep/sweep.h"

namespace sim::cli {

void add_sweep(CLI::App& program, int& status) {
  const auto options = std::make_shared<sweep::Options>();
  CLI::App* command = program.add_subcommand(
      "sweep", "crash at every storage operation of scenarios, and look at what is left");
  command->add_option("PATH", options->paths,
                      "scenarios, or directories of them (default: all of the project)");
  command
      ->add_option("--all-up-to", options->depth.combinations,
                   "try everything that a power cut may keep if there are no more combinations")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--samples", options->depth.samples, "else draw so many of them")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  add_seed(*command, options->depth.seed, "of what is drawn");
  add_jobs(*command, options->jobs, "how many testcases are swept at once");
  command->add_option("--out", options->out, "write findings as scenarios into this directory")
      ->type_name("DIR");
  command
      ->add_option("--qemu-img", options->qemu_img,
                   "have qemu-img check every N-th state that is left, too")
      ->type_name("N");
  const auto faults = std::make_shared<bool>(false);
  command->add_flag("--faults", *faults,
                    "do not crash: each storage operation fails once, and the process goes on");
  command->callback([options, faults, &status] {
    std::ostream* progress = isatty(STDERR_FILENO) ? &std::cerr : nullptr;
    status = *faults ? sweep::carry_out_faults(*options, std::cout, progress)
                     : sweep::carry_out(*options, std::cout, progress);
  });
}

}  // namespace sim::cli
