// SPDX-License-Identifier: MIT
#include "sim/script/verbs.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace sim::script {

namespace {

constexpr std::array<std::string_view, 16> verbs = {
    "create", "drive", "unplug",  "io",   "wait",  "run",     "settle", "schedule",
    "damage", "fail",  "foreign", "show", "print", "restart", "kill",   "power"};
constexpr std::array<std::string_view, 4> dashless_commands = {"quit", "stop", "cont",
                                                               "transaction"};

}  // namespace

bool is_verb(const std::string& word) {
  return std::find(verbs.begin(), verbs.end(), word) != verbs.end();
}

bool is_qmp_command(const std::string& word) {
  if (std::find(dashless_commands.begin(), dashless_commands.end(), word) !=
      dashless_commands.end()) {
    return true;
  }
  const bool name = std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_';
  });
  return name && !word.starts_with('-') && word.find_first_of("-_") != std::string::npos;
}

std::vector<std::string> first_words() {
  std::vector<std::string> words{"param",    "testcase", "testcases", "unjudged",
                                 "refusals", "refused:", "when",      "unless"};
  words.insert(words.end(), verbs.begin(), verbs.end());
  words.insert(words.end(), dashless_commands.begin(), dashless_commands.end());
  return words;
}

std::string verb_list() {
  std::string list;
  for (const std::string_view verb : verbs) {
    if (!list.empty()) list += ", ";
    list += verb;
  }
  return list;
}

}  // namespace sim::script
