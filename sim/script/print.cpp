// SPDX-License-Identifier: MIT
#include "sim/script/script.h"
#include "sim/step.h"

namespace sim::script {

namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result.push_back('\\');
    result.push_back(c);
  }
  return result + "\"";
}

std::string print(const Word& word) {
  const std::string text = word.quoted ? quoted(word.text) : word.text;
  return word.key.empty() ? text : word.key + "=" + text;
}

/// A value where the grammar takes quotes or none alike: quoted only if it has to be.
std::string value(const std::string& text) {
  const bool plain = !text.empty() && text.find_first_of(" \t\r\"\\#[{") == std::string::npos;
  return plain ? text : quoted(text);
}

std::string joined(const std::vector<std::string>& parts, char separator) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text.push_back(separator);
    text += parts[i];
  }
  return text;
}

std::vector<std::string> printed(const std::vector<Word>& words) {
  std::vector<std::string> texts;
  for (const Word& word : words) texts.push_back(print(word));
  return texts;
}

struct ContentPrinter {
  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(const Params& params) const {
    std::string text = "param";
    for (const auto& [name, values] : params.values) {
      text += " " + name + "=" + value(joined(values, ','));
    }
    return text;
  }
  std::string operator()(const Testcase& testcase) const {
    std::string text = "testcase " + quoted(testcase.title);
    for (const auto& [name, chosen] : testcase.values) text += " " + name + "=" + value(chosen);
    return text;
  }
  std::string operator()(const Testcases& testcases) const {
    return "testcases over " + joined(testcases.over, ' ');
  }
  std::string operator()(const Unjudged& unjudged) const {
    return "unjudged " + quoted(unjudged.why);
  }
  std::string operator()(const RefusalsAllowed&) const { return "refusals allowed"; }
  std::string operator()(const RawStep& step) const { return script::print(step); }
};

}  // namespace

std::string print(const RawStep& step) {
  std::string text;
  for (const Condition& condition : step.conditions) {
    text += condition.wanted ? "when " : "unless ";
    text += condition.name;
    if (condition.value != "true") text += "=" + condition.value;
    text += ": ";
  }
  if (step.refusal == Refusal::wanted) text += "refused: ";
  if (step.refusal == Refusal::possible) text += "perhaps refused: ";
  if (!step.cut.empty()) text += joined(printed(step.cut), ' ') + ": ";
  return text + joined(printed(step.words), ' ') + step.json;
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '$' ? std::string("$$") : std::string(1, c);
  return result;
}

std::string print(const Line& line) {
  std::string text = std::visit(ContentPrinter{}, line.content);
  if (!line.comment) return text;
  if (!text.empty()) text += "  ";
  return text + "#" + *line.comment;
}

std::string print(const Script& script) {
  std::string text;
  for (const Line& line : script.lines) text += print(line) + "\n";
  return text;
}

}  // namespace sim::script
