// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>

#include "sim/bench/command.h"
#include "sim/cli/cli.h"
#include "sim/scenario.h"
#include "sim/usage_error.h"

namespace sim::cli {

void add_bench(CLI::App& program, int& status) {
  const auto options = std::make_shared<bench::Options>();
  options->qemu = "qemu-system-x86_64";
  CLI::App* command =
      program.add_subcommand("bench", "measure ourselves against QEMU and print a table");
  command->add_option("NAME", options->names, "which contests (default: all)");
  command->add_option("--pairs", options->pairs, "how often each side runs")
      ->check(CLI::Range(1, 1000))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--dir", options->directory, "where images go (default: a temporary place)")
      ->type_name("DIR");
  command->add_option("--qemu", options->qemu, "the system emulator to measure against")
      ->type_name("PROGRAM")
      ->capture_default_str();
  command->callback([options, &status] {
    if (options->directory.empty()) options->directory = std::filesystem::temp_directory_path();
    std::error_code error;
    std::filesystem::create_directories(options->directory, error);
    if (error) throw UsageError(options->directory + ": " + error.message());
    options->root = find_project().root;
    status = bench::bench(*options, std::cout, isatty(STDERR_FILENO) ? &std::cerr : nullptr);
  });
}

}  // namespace sim::cli
