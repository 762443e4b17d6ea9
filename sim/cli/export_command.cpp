// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>

#include "sim/cli/cli.h"
#include "sim/export/iotest.h"
#include "sim/text_file.h"
#include "sim/usage_error.h"

namespace sim::cli {

namespace {

namespace fs = std::filesystem;

struct ExportArguments {
  std::string scenario, testcase;
  std::string as = "iotest";
  std::string directory = ".";
};

void write(const fs::path& path, const std::string& text) {
  write_text(path.string(), text);
  std::cout << path.string() << "\n";
}

void write(const exporting::Iotest& test, const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) throw UsageError(directory.string() + ": " + error.message());
  const fs::path program = directory / test.name;
  write(program, test.program);
  fs::permissions(program, fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec,
                  fs::perm_options::add, error);
  write(program.string() + ".out", test.expected);
}

}  // namespace

void add_export(CLI::App& program, int& status) {
  const auto arguments = std::make_shared<ExportArguments>();
  CLI::App* command = program.add_subcommand(
      "export", "write a scenario as a test for QEMU's own machinery, to go with a bug report");
  command->add_option("SCENARIO", arguments->scenario, "a scenario file")->required();
  command->add_option("--as", arguments->as, "iotest: a Python iotest and its expected output")
      ->check(CLI::IsMember({"iotest"}))
      ->capture_default_str();
  command->add_option("--testcase", arguments->testcase, "only the one of this title")
      ->type_name("TITLE");
  command->add_option("--out", arguments->directory, "where the two files go")
      ->type_name("DIR")
      ->capture_default_str();
  command->callback([arguments, &status] {
    const Scenario scenario = load_scenario(arguments->scenario, find_project());
    write(exporting::export_iotest(scenario, arguments->testcase), arguments->directory);
    status = 0;
  });
}

}  // namespace sim::cli
