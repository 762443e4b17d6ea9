// SPDX-License-Identifier: MIT
#pragma once

namespace CLI {
class App;
}

/// The program's command line.
namespace sim::cli {

/// Runs the program. Exit status: 0 all agree, 1 a difference, 2 usage or malformed input, with one
/// line on standard error.
int run(int argc, char** argv);

// Each adds a command; it runs from a callback of the parser, and leaves its exit status in
// `status`, which outlives the parser.
void add_replay(CLI::App& program, int& status);
void add_transcript(CLI::App& program, int& status);
void add_rules(CLI::App& program, int& status);
void add_export(CLI::App& program, int& status);
void add_img(CLI::App& program, int& status);
void add_bench(CLI::App& program, int& status);
void add_fuzz(CLI::App& program, int& status);
void add_merge(CLI::App& program, int& status);
void add_modelled(CLI::App& program, int& status);
void add_mutants(CLI::App& program, int& status);
void add_sweep(CLI::App& program, int& status);

}  // namespace sim::cli
