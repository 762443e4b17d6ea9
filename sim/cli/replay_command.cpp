// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <optional>

#include "sim/cli/cast_options.h"
#include "sim/cli/cli.h"
#include "sim/cli/jobs_option.h"
#include "sim/replay.h"

namespace sim::cli {

namespace {

struct ReplayArguments {
  ReplayOptions options;
  CastOptions cast;
  std::optional<std::string> subjects;  ///< none: model, engine, a real QEMU where there is one
};

struct TranscriptArguments {
  CastOptions cast;
  std::string scenario;
  std::string subject = "engine";
};

}  // namespace

void add_replay(CLI::App& program, int& status) {
  const auto arguments = std::make_shared<ReplayArguments>();
  CLI::App* command = program.add_subcommand(
      "replay", "run scenarios on all subjects in lockstep, and compare them and the goldens");
  command->add_option("PATH", arguments->options.paths,
                      "scenarios, or directories of them (default: all of the project)");
  command
      ->add_option("--subject", arguments->subjects,
                   "of model, engine, qemu, qmp:SOCKET, command:PROGRAM ARGUMENT… "
                   "(default: model, engine, and qemu where there is one)")
      ->type_name("NAME,…");
  arguments->cast.add_to(*command);
  add_jobs(*command, arguments->options.jobs, "how many scenarios run at once");
  command->add_flag("--bless", arguments->options.bless, "rewrite the goldens");
  command->add_flag("--strict", arguments->options.strict,
                    "a step that was not judged, or is refused by all, is a failure, unless its "
                    "scenario says so");
  command
      ->add_option("--junit", arguments->options.junit,
                   "write the results to FILE, too, as the JUnit XML that CI systems read")
      ->type_name("FILE");
  command->add_flag("--verbose", arguments->options.verbose, "print the transcripts as they come");
  command->callback([arguments, &status] {
    arguments->options.usual_subjects = !arguments->subjects;
    arguments->options.cast = arguments->subjects ? arguments->cast.chosen(*arguments->subjects)
                                                  : arguments->cast.usual();
    arguments->options.directory = arguments->cast.directory;
    status = replay(arguments->options, std::cout, isatty(STDERR_FILENO) ? &std::cerr : nullptr);
  });
}

void add_transcript(CLI::App& program, int& status) {
  const auto arguments = std::make_shared<TranscriptArguments>();
  CLI::App* command =
      program.add_subcommand("transcript", "print the transcript of one scenario on one subject");
  command->add_option("SCENARIO", arguments->scenario, "a scenario file")->required();
  command
      ->add_option("--subject", arguments->subject,
                   "model, engine, qemu, qmp:SOCKET or command:PROGRAM ARGUMENT…")
      ->type_name("NAME")
      ->capture_default_str();
  arguments->cast.add_to(*command);
  command->callback([arguments, &status] {
    status = transcribe(arguments->scenario, arguments->cast.chosen(arguments->subject),
                        arguments->cast.directory, std::cout, std::cerr);
  });
}

}  // namespace sim::cli
