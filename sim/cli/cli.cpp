// SPDX-License-Identifier: MIT
#include "sim/cli/cli.h"

#include <malloc.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

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

/// CLI11 would only say that a command is missing.
void require_known_command(const CLI::App& program, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  const std::string name = argv[1];
  const auto named = [&](const CLI::App* each) { return each->get_name() == name; };
  if (!program.get_subcommands(named).empty()) return;
  throw UsageError("there is no command '" + name + "' (--help tells more)");
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
  std::ios::sync_with_stdio(false);
  int status = 0;
  CLI::App program(
      "blocktwin replays scenarios of dirty bitmaps on a reference model, a qcow2 engine and a\n"
      "real QEMU side by side, and compares all that they show.",
      "blocktwin");
  program.require_subcommand(1);
  program.footer("Exit status: 0 all agree; 1 a difference; 2 usage or malformed input.");
  add_replay(program, status);
  add_transcript(program, status);
  add_rules(program, status);
  add_export(program, status);
  add_img(program, status);
  add_bench(program, status);
  add_fuzz(program, status);
  try {
    require_known_command(program, argc, argv);
    return parse_and_run(program, argc, argv, status);
  } catch (const std::exception& error) {
    return complain(error.what());
  }
}

}  // namespace sim::cli
