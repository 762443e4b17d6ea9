// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>
#include <iostream>

#include "sim/cli/cli.h"
#include "sim/script/modelled.h"

namespace sim::cli {

void add_modelled(CLI::App& program, int& status) {
  CLI::App* command = program.add_subcommand(
      "modelled", "print which commands, arguments and drivers of QEMU a scenario may use");
  command->callback([&status] {
    std::cout << script::modelled_text();
    status = 0;
  });
}

}  // namespace sim::cli
