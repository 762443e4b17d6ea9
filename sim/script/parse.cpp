// SPDX-License-Identifier: MIT
#include <filesystem>
#include <sstream>
#include <system_error>

#include "sim/script/lexer.h"
#include "sim/script/suggestion.h"
#include "sim/script/verbs.h"
#include "sim/step.h"
#include "sim/text_file.h"
#include "sim/usage_error.h"

namespace sim::script {

namespace {

/// `'text'`, shortened where it is long.
std::string shown(const std::string& text) {
  constexpr std::size_t most = 60;
  return "'" + (text.size() > most ? text.substr(0, most) + "…" : text) + "'";
}

std::string shown(const Word& word) {
  return shown(word.key.empty() ? word.text : word.key + "=" + word.text);
}

/// Builds the tree of one line out of its words.
class LineParser {
 public:
  LineParser(LexedLine line, const std::string& file) : line_(std::move(line)), file_(file) {}

  Line parse(bool head_is_over) {
    Line parsed{line_.number, std::monostate{}, line_.comment};
    if (line_.words.empty() && line_.json.empty()) return parsed;
    const std::string verb =
        line_.words.empty() || line_.words[0].quoted || !line_.words[0].key.empty()
            ? std::string()
            : line_.words[0].text;
    const bool head = verb == "param" || verb == "testcase" || verb == "testcases" ||
                      verb == "unjudged" || verb == "refusals";
    if (head && head_is_over) refuse("lines of the head before the first step", shown(verb));
    if (head && !line_.json.empty()) refuse("name=value", shown(line_.json));
    if (verb == "param") {
      parsed.content = params();
    } else if (verb == "testcase") {
      parsed.content = testcase();
    } else if (verb == "testcases") {
      parsed.content = testcases();
    } else if (verb == "unjudged") {
      parsed.content = unjudged();
    } else if (verb == "refusals") {
      parsed.content = refusals();
    } else {
      parsed.content = step();
    }
    return parsed;
  }

 private:
  [[noreturn]] void refuse(const std::string& expected, const std::string& found) const {
    fail(file_, line_.number, expected, found);
  }
  std::string found_at(std::size_t index) const {
    return index < line_.words.size() ? shown(line_.words[index]) : "the end of the line";
  }

  Params params() const {
    Params params;
    for (std::size_t i = 1; i < line_.words.size(); ++i) {
      const Word& word = line_.words[i];
      if (word.key.empty() || !valid_name(word.key)) refuse("NAME=VALUE after param", found_at(i));
      params.values.emplace_back(word.key, values_of(word));
    }
    if (params.values.empty()) refuse("NAME=VALUE after param", found_at(1));
    return params;
  }

  static bool valid_name(const std::string& name) {
    return name.find_first_of("-.") == std::string::npos;
  }

  static std::vector<std::string> values_of(const Word& word) {
    std::vector<std::string> values;
    std::stringstream parts(word.text);
    for (std::string part; std::getline(parts, part, ',');) values.push_back(part);
    if (word.text.empty() || word.text.back() == ',') values.emplace_back();
    return values;
  }

  Testcase testcase() const {
    Testcase testcase;
    if (line_.words.size() < 2 || !line_.words[1].key.empty()) {
      refuse("a \"TITLE\" after testcase", found_at(1));
    }
    testcase.title = line_.words[1].text;
    if (testcase.title.empty()) refuse("a \"TITLE\" after testcase", "an empty one");
    for (std::size_t i = 2; i < line_.words.size(); ++i) {
      if (line_.words[i].key.empty()) refuse("NAME=VALUE", found_at(i));
      testcase.values.emplace_back(line_.words[i].key, line_.words[i].text);
    }
    return testcase;
  }

  Unjudged unjudged() const {
    const bool one = line_.words.size() == 2 && line_.words[1].quoted && line_.words[1].key.empty();
    if (!one || line_.words[1].text.empty()) refuse("a \"REASON\" after unjudged", found_at(1));
    return {line_.words[1].text};
  }

  Testcases testcases() const {
    Testcases testcases;
    if (line_.words.size() < 2 || line_.words[1] != Word{"", "over", false}) {
      refuse("over NAME… after testcases", found_at(1));
    }
    for (std::size_t i = 2; i < line_.words.size(); ++i) {
      if (!line_.words[i].key.empty()) refuse("the NAME of a parameter", found_at(i));
      testcases.over.push_back(line_.words[i].text);
    }
    if (testcases.over.empty()) refuse("over NAME… after testcases", found_at(2));
    return testcases;
  }

  RefusalsAllowed refusals() const {
    if (line_.words.size() < 2 || line_.words[1] != Word{"", "allowed", false}) {
      refuse("allowed after refusals", found_at(1));
    }
    if (line_.words.size() > 2) refuse("the end of the line", found_at(2));
    return {};
  }

  RawStep step() {
    RawStep step;
    std::size_t next = 0;
    while (next < line_.words.size() && !line_.words[next].quoted &&
           (line_.words[next] == Word{"", "when", false} ||
            line_.words[next] == Word{"", "unless", false})) {
      step.conditions.push_back(condition(next));
      next += 2;
    }
    step.refusal = refusal(next);
    if (starts_cut(next)) step.cut = cut(next);
    if (!step.cut.empty() && step.refusal != Refusal::unwanted) {
      refuse("a step whose answer is seen after refused:", shown(step.cut.front()));
    }
    step.words.assign(line_.words.begin() + static_cast<std::ptrdiff_t>(next), line_.words.end());
    step.json = line_.json;
    if (step.words.empty() && step.json.empty()) refuse("a step", "the end of the line");
    if (!step.words.empty() && !step.json.empty()) {
      refuse("a request that stands alone", shown(step.words[0]) + " before it");
    }
    if (step.json.empty()) check_verb(step.words);
    return step;
  }

  /// `refused:` or `perhaps refused:`, if it stands there; moves `next` behind it.
  Refusal refusal(std::size_t& next) const {
    const auto stands = [&](std::size_t at, const char* word) {
      return at < line_.words.size() && line_.words[at] == Word{"", word, false};
    };
    if (stands(next, "refused:")) {
      ++next;
      return Refusal::wanted;
    }
    if (!stands(next, "perhaps") || !stands(next + 1, "refused:")) return Refusal::unwanted;
    next += 2;
    return Refusal::possible;
  }

  /// Whether `kill at …`, `power at …` or `fail at …` stands there.
  bool starts_cut(std::size_t at) const {
    const std::vector<Word>& words = line_.words;
    const bool stops = at < words.size() && (words[at] == Word{"", "kill", false} ||
                                             words[at] == Word{"", "power", false} ||
                                             words[at] == Word{"", "fail", false});
    return stops && at + 1 < words.size() && words[at + 1] == Word{"", "at", false};
  }

  /// The words up to the one that ends in a colon; moves `next` behind that.
  std::vector<Word> cut(std::size_t& next) const {
    std::vector<Word> words;
    for (bool ended = false; !ended; ++next) {
      if (next >= line_.words.size()) refuse("a colon and a step after N", found_at(next));
      words.push_back(line_.words[next]);
      ended = !words.back().quoted && words.back().text.ends_with(':');
    }
    words.back().text.pop_back();
    return words;
  }

  Condition condition(std::size_t at) const {
    const std::string expected = "NAME: or NAME=VALUE: after " + line_.words[at].text;
    if (at + 1 >= line_.words.size()) refuse(expected, found_at(at + 1));
    const Word& word = line_.words[at + 1];
    if (word.quoted || !word.text.ends_with(':')) refuse(expected, found_at(at + 1));
    const std::string text = word.text.substr(0, word.text.size() - 1);
    Condition condition{line_.words[at].text == "when", word.key, text};
    if (word.key.empty()) condition = {condition.wanted, text, "true"};
    if (condition.name.empty()) refuse(expected, found_at(at + 1));
    return condition;
  }

  void check_verb(const std::vector<Word>& words) const {
    const Word& verb = words[0];
    const bool plain = verb.key.empty() && !verb.quoted;
    if (plain && (is_verb(verb.text) || is_qmp_command(verb.text))) return;
    refuse("a step (" + verb_list() + ", or a QMP command with key=value arguments)",
           shown(verb) + (plain ? did_you_mean(verb.text, first_words()) : ""));
  }

  LexedLine line_;
  const std::string& file_;
};

/// Whether the bytes are UTF-8, surrogates and overlong forms let through: JSON is to be made of
/// them, and nothing else.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    const int followers = lead < 0x80   ? 0
                          : lead < 0xc2 ? -1
                          : lead < 0xe0 ? 1
                          : lead < 0xf0 ? 2
                          : lead < 0xf5 ? 3
                                        : -1;
    if (followers < 0) return false;
    for (int n = 0; n < followers; ++n, ++i) {
      if (i >= text.size() || (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return false;
    }
  }
  return true;
}

bool is_step(const Line& line) { return std::holds_alternative<RawStep>(line.content); }

}  // namespace

void fail(const std::string& file, int line, const std::string& expected,
          const std::string& found) {
  throw ScriptError(file + ":" + std::to_string(line) + ": expected " + expected + ", found " +
                    found);
}

Script parse(std::string_view text, const std::string& file) {
  Script script{file, {}};
  if (text.find('\0') != std::string_view::npos || !is_utf8(text)) {
    throw ScriptError(file + ": expected a script, found binary data");
  }
  Lexer lexer(text, file);
  bool head_is_over = false;
  while (!lexer.at_end()) {
    LineParser parser(lexer.next_line(), file);
    script.lines.push_back(parser.parse(head_is_over));
    head_is_over |= is_step(script.lines.back());
  }
  return script;
}

Script parse_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    throw ScriptError(path + ": expected a scenario, found a directory");
  }
  std::string text;
  try {
    text = read_text(path);
  } catch (const UsageError& unreadable) {
    throw ScriptError(unreadable.what());
  }
  return parse(text, path);
}

}  // namespace sim::script
