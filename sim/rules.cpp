// SPDX-License-Identifier: MIT
#include "sim/rules.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "sim/usage_error.h"

namespace sim {

using nlohmann::json;

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// S9 comes before S10.
struct ById {
  bool operator()(const std::string& a, const std::string& b) const {
    return std::pair(a[0], std::stoul(a.substr(1))) < std::pair(b[0], std::stoul(b.substr(1)));
  }
};
using Rules = std::map<std::string, Rule, ById>;

/// Without the marks of Markdown, up to the end of the first sentence.
std::string beginning(std::string text) {
  std::erase_if(text, [](char c) { return c == '*' || c == '`'; });
  const std::size_t start = text.find_first_not_of(" .,");
  text.erase(0, start == std::string::npos ? text.size() : start);
  constexpr std::size_t longest = 100;
  const std::size_t end = std::min(text.find(". "), text.find("; "));
  if (end != std::string::npos && end <= longest) return text.substr(0, end);
  if (text.size() > longest) text = text.substr(0, text.rfind(' ', longest)) + " …";
  while (text.ends_with('.') || text.ends_with(' ')) text.pop_back();
  return text;
}

/// Notes the rules that an item of the list states: each bold text with ids starts one.
void note_item(const std::string& item, Rules& rules) {
  for (std::size_t at = item.find("**"); at != std::string::npos;) {
    const std::size_t end = item.find("**", at + 2);
    if (end == std::string::npos) return;
    const std::size_t next = item.find("**", end + 2);
    const std::size_t length = next == std::string::npos ? std::string::npos : next - end - 2;
    const std::string text = beginning(item.substr(end + 2, length));
    for (const std::string& id : cited_rules(item.substr(at + 2, end - at - 2))) {
      rules.try_emplace(id, Rule{id, text, {}, {}});
    }
    at = next;
  }
}

/// An item starts with "- " and goes on in lines that are indented.
Rules stated_rules(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw UsageError(path + ": cannot be read");
  Rules rules;
  std::string item;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("  ") && !item.empty()) {
      item += line.substr(1);
      continue;
    }
    note_item(item, rules);
    item = line.starts_with("- ") ? line : "";
  }
  note_item(item, rules);
  return rules;
}

/// {"S27": "why no scenario can show it", …}
void note_excuses(const std::string& path, Rules& rules) {
  std::ifstream in(path);
  if (!in) return;
  const json excuses = json::parse(in, nullptr, false);
  if (!excuses.is_object()) throw UsageError(path + ": expected a JSON object of rules");
  for (const auto& [id, reason] : excuses.items()) {
    if (cited_rules(id) != std::vector{id} || !reason.is_string() || reason == "") {
      throw UsageError(path + ": " + id + ": expected a rule and the reason, found " +
                       reason.dump());
    }
    rules.try_emplace(id, Rule{id, {}, {}, {}}).first->second.reason = reason;
  }
}

std::set<std::string> rules_cited_in(const std::string& path) {
  std::set<std::string> ids;
  for (const script::Line& line : script::parse_file(path).lines) {
    if (!line.comment) continue;
    for (const std::string& id : cited_rules(*line.comment)) ids.insert(id);
  }
  return ids;
}

}  // namespace

std::vector<std::string> cited_rules(const std::string& text) {
  std::vector<std::string> ids;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool starts = std::string_view("SM").find(text[at]) != std::string_view::npos &&
                        (at == 0 || !is_word(text[at - 1]));
    if (!starts) continue;
    const std::size_t end = std::min(text.find_first_not_of("0123456789", at + 1), text.size());
    constexpr std::size_t most_digits = 3;
    const bool number = end > at + 1 && end <= at + 1 + most_digits;
    if (number && (end == text.size() || !is_word(text[end]))) {
      ids.push_back(text.substr(at, end - at));
    }
  }
  return ids;
}

RuleTable RuleTable::read(const Project& project) {
  Rules rules = stated_rules(project.root + "/model/RULES.md");
  note_excuses(project.root + "/scenarios/uncited.json", rules);
  RuleTable table;
  for (const std::string& path : find_scenarios({}, project)) {
    const std::string name = scenario_name(path, project);
    for (const std::string& id : rules_cited_in(path)) {
      const auto rule = rules.find(id);
      if (rule == rules.end()) {
        table.unknown_.emplace(id, name);
      } else {
        rule->second.scenarios.push_back(name);
      }
    }
  }
  for (auto& [id, rule] : rules) table.rules_.push_back(std::move(rule));
  return table;
}

const Rule* RuleTable::find(const std::string& id) const {
  const auto found =
      std::find_if(rules_.begin(), rules_.end(), [&](const Rule& rule) { return rule.id == id; });
  return found == rules_.end() ? nullptr : &*found;
}

}  // namespace sim
