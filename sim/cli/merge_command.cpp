// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "sim/cli/cli.h"
#include "sim/fuzz/merge.h"
#include "sim/fuzz/summary.h"
#include "sim/usage_error.h"

namespace sim::cli {

namespace {

struct MergeArguments {
  std::vector<std::string> files;
  bool json = false;
};

int merge_with(const MergeArguments& arguments) {
  std::vector<fuzz::Shard> shards;
  for (const std::string& file : arguments.files) {
    std::ifstream in(file);
    if (!in || in.peek() == std::ifstream::traits_type::eof()) {
      throw UsageError(file + ": cannot be read, or is empty");
    }
    shards.push_back({file, nlohmann::json::parse(in, nullptr, false)});
  }
  const nlohmann::json whole = fuzz::merged(std::move(shards));
  std::cout << (arguments.json ? whole.dump(2) + "\n" : fuzz::summary_text(whole));
  return whole["failures"].empty() ? 0 : 1;
}

}  // namespace

void add_merge(CLI::App& program, int& status) {
  const auto arguments = std::make_shared<MergeArguments>();
  CLI::App* command = program.add_subcommand(
      "merge", "join the summaries of all shards of a campaign (fuzz --json --shard I/N)");
  command->add_option("SUMMARY", arguments->files, "what each shard printed")->required();
  command->add_flag("--json", arguments->json, "print the summary as JSON");
  command->callback([arguments, &status] { status = merge_with(*arguments); });
}

}  // namespace sim::cli
