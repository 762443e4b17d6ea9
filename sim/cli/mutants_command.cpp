// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "sim/cli/cli.h"
#include "sim/cli/jobs_option.h"
#include "sim/mutants/report.h"
#include "sim/scenario.h"

namespace sim::cli {

namespace {

namespace fs = std::filesystem;

struct MutantsArguments {
  mutants::Options options;
  unsigned seconds = 30;
  std::string profile = "default";
  bool json = false;
};

int measure_with(MutantsArguments& arguments) {
  mutants::Options& options = arguments.options;
  options.hunt.root = fs::absolute(find_project().root).lexically_normal().string();
  options.hunt.program = fs::read_symlink("/proc/self/exe").string();
  options.hunt.limit = std::chrono::seconds(arguments.seconds);
  if (options.build.empty()) options.build = options.hunt.root + "/build/release";
  if (arguments.profile != "default") options.usual = {"fuzz", "--profile", arguments.profile};
  const mutants::Recall recall = mutants::measure(options, std::cerr);
  if (arguments.json) {
    std::cout << mutants::recall_json(recall).dump(2) << "\n";
  } else {
    std::cout << mutants::recall_text(recall);
  }
  return recall.complete() ? 0 : 1;
}

}  // namespace

void add_mutants(CLI::App& program, int& status) {
  const auto arguments = std::make_shared<MutantsArguments>();
  mutants::Options& options = arguments->options;
  options.hunt.directory = "mutant-failures";
  CLI::App* command = program.add_subcommand(
      "mutants", "build programs with a fault in each, and measure how many random runs find");
  command->add_option("NAME", options.names, "which of tests/mutants (default: all)");
  command->add_option("--time", arguments->seconds, "how long to look for one")
      ->check(CLI::Range(1, 86'400))
      ->type_name("SECONDS")
      ->capture_default_str();
  command
      ->add_option("--profile", arguments->profile,
                   "what runs are like, where a patch does not say what finds it")
      ->capture_default_str();
  add_jobs(*command, options.jobs, "how many at once");
  command->add_option("--out", options.hunt.directory, "where the scenarios of failures go")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_option("--build", options.build, "the build to use (default: build/release)")
      ->type_name("DIR");
  command->add_flag("--json", arguments->json, "print the table as JSON");
  command->footer(
      "Exit status: 0 if all are found, each in a scenario of at most 10 steps that fails again, "
      "and\n"
      "the program without a fault fails nowhere; 1 if not.");
  command->callback([arguments, &status] { status = measure_with(*arguments); });
}

}  // namespace sim::cli
