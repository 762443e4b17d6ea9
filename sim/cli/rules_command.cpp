// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "sim/cli/cli.h"
#include "sim/rules.h"

namespace sim::cli {

namespace {

using nlohmann::json;

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string shown_by(const Rule& rule) {
  if (!rule.scenarios.empty()) return joined(rule.scenarios);
  return rule.reason.empty() ? "no scenario cites it" : "none: " + rule.reason;
}

/// A rule, how it begins, and the scenarios under it.
std::string table_text(const RuleTable& table) {
  std::string text;
  std::size_t cited = 0, excused = 0;
  for (const Rule& rule : table.rules()) {
    text += fmt::format("{:<5} {}\n      {}\n", rule.id, rule.text, shown_by(rule));
    if (!rule.scenarios.empty()) ++cited;
    if (rule.scenarios.empty() && !rule.reason.empty()) ++excused;
  }
  for (const auto& [id, scenario] : table.unknown()) {
    text += fmt::format("{:<5} is cited by {}, but there is no such rule\n", id, scenario);
  }
  const std::size_t total = table.rules().size();
  return text + fmt::format("{} rules: {} cited, {} with a reason why not, {} without\n", total,
                            cited, excused, total - cited - excused);
}

json table_json(const RuleTable& table) {
  json rules = json::array();
  for (const Rule& rule : table.rules()) {
    json entry{{"id", rule.id}, {"text", rule.text}, {"scenarios", rule.scenarios}};
    if (!rule.reason.empty()) entry["reason"] = rule.reason;
    rules.push_back(std::move(entry));
  }
  return {{"rules", std::move(rules)}, {"unknown", table.unknown()}};
}

}  // namespace

void add_rules(CLI::App& program, int& status) {
  const auto output = std::make_shared<std::string>("human");
  CLI::App* command = program.add_subcommand(
      "rules", "print which scenarios show which rules of model/RULES.md, and which none shows");
  command->add_option("--output", *output, "human or json")
      ->check(CLI::IsMember({"human", "json"}))
      ->capture_default_str();
  command->callback([output, &status] {
    const RuleTable table = RuleTable::read(find_project());
    std::cout << (*output == "json" ? table_json(table).dump(2) + "\n" : table_text(table));
    status = 0;
  });
}

}  // namespace sim::cli
