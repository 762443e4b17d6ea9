// SPDX-License-Identifier: MIT
#include "sim/cli/cli.h"

#include <fmt/format.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <csignal>
#include <exception>
#include <iostream>
#include <string_view>

#include "sim/interrupt.h"
#include "sim/usage_error.h"

namespace sim::cli {

namespace {

constexpr int status_usage = 2;

/// One line on standard error, whatever the text holds.
int complain(const std::string& text) {
  std::cout << std::flush;
  std::cerr << "blocktwin: " << text << std::endl;
  return status_usage;
}

/// Keeps freed memory: runs are short, and fetching pages anew costs more than the work on them.
void keep_memory() {
  constexpr int megabyte = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, 32 * megabyte);
  mallopt(M_TRIM_THRESHOLD, 512 * megabyte);
  mallopt(M_TOP_PAD, megabyte);
}

struct Command {
  std::string_view name;
  void (*add)(CLI::App& program, int& status);
};

constexpr std::array commands{
    Command{"replay", add_replay},     Command{"transcript", add_transcript},
    Command{"rules", add_rules},       Command{"export", add_export},
    Command{"img", add_img},           Command{"bench", add_bench},
    Command{"fuzz", add_fuzz},         Command{"merge", add_merge},
    Command{"mutants", add_mutants},   Command{"sweep", add_sweep},
    Command{"modelled", add_modelled},
};

/// The command that is called is enough: to describe all takes longer than some commands do. The
/// help wants them all. CLI11 would only say that a command is missing.
void add_commands(CLI::App& program, int& status, int argc, char** argv) {
  const std::string_view called = argc < 2 ? "" : argv[1];
  const auto known = std::ranges::find(commands, called, &Command::name);
  if (known != commands.end()) return known->add(program, status);
  if (!called.empty() && called.front() != '-') {
    throw UsageError(fmt::format("there is no command '{}' (--help tells more)", called));
  }
  for (const Command& each : commands) each.add(program, status);
}

int parse_and_run(CLI::App& program, int argc, char** argv, const int& status) {
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& help) {
    program.exit(help);
    return 0;
  } catch (const CLI::ParseError& error) {
    const std::string hint = " (--help tells more)";
    return complain(error.what() + hint);
  }
  return status;
}

}  // namespace

int run(int argc, char** argv) {
  keep_memory();
  std::signal(SIGXFSZ, SIG_IGN);  // a file over the limit is an error of the write, which is told
  std::ios::sync_with_stdio(false);
  int status = 0;
  CLI::App program(
      "blocktwin replays scenarios of dirty bitmaps on a reference model, a qcow2 engine and a\n"
      "real QEMU side by side, and compares all that they show.",
      "blocktwin");
  program.require_subcommand(1);
  program.footer(
      "Exit status: 0 all agree; 1 a difference; 2 usage or malformed input; 130 Ctrl-C.");
  try {
    add_commands(program, status, argc, argv);
    const int result = parse_and_run(program, argc, argv, status);
    if (!std::cout.flush()) return complain("standard output cannot be written");
    return result;
  } catch (const std::exception& error) {
    const int usage = complain(error.what());
    return InterruptGuard::came() ? InterruptGuard::status() : usage;
  }
}

}  // namespace sim::cli
