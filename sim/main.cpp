// SPDX-License-Identifier: MIT
#include "sim/cli/cli.h"

int main(int argc, char** argv) { return sim::cli::run(argc, argv); }
