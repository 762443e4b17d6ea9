// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sim {
enum class Refusal;
}

/// The scenario language (scenarios/README.md): text to a tree of lines and back.
namespace sim::script {

/// A malformed script. what() is "FILE:LINE: expected …, found …", or "FILE: …".
class ScriptError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A word of a line: `text`, `"text"`, `key=text` or `key="text"`. `$name` is not yet replaced.
struct Word {
  std::string key;      ///< empty: none
  std::string text;     ///< without its quotes
  bool quoted = false;  ///< always a string, and may hold blanks

  friend bool operator==(const Word&, const Word&) = default;
};

/// `when name=value:` or, not wanted, `unless name=value:`.
struct Condition {
  bool wanted = true;
  std::string name;
  std::string value = "true";

  friend bool operator==(const Condition&, const Condition&) = default;
};

/// `param name=value,value …`
struct Params {
  std::vector<std::pair<std::string, std::vector<std::string>>> values;

  friend bool operator==(const Params&, const Params&) = default;
};

/// `testcase "title" name=value …`
struct Testcase {
  std::string title;
  std::vector<std::pair<std::string, std::string>> values;

  friend bool operator==(const Testcase&, const Testcase&) = default;
};

/// `testcases over name …`
struct Testcases {
  std::vector<std::string> over;

  friend bool operator==(const Testcases&, const Testcases&) = default;
};

/// `unjudged "WHY"`: some steps of this scenario cannot be judged, and that is no mistake.
struct Unjudged {
  std::string why;

  friend bool operator==(const Unjudged&, const Unjudged&) = default;
};

/// `refusals allowed`: every step may be refused.
struct RefusalsAllowed {
  friend bool operator==(const RefusalsAllowed&, const RefusalsAllowed&) = default;
};

/// A step as written: words, or a QMP request as JSON text.
struct RawStep {
  std::vector<Condition> conditions;
  Refusal refusal{};      ///< `refused:` or `perhaps refused:`
  std::vector<Word> cut;  ///< `kill at 3:` or `fail at 3:`, without the colon; empty: none
  std::vector<Word> words;
  std::string json;

  friend bool operator==(const RawStep&, const RawStep&) = default;
};

/// One line, or several that a backslash joins. Blank if it has neither content nor comment.
struct Line {
  int number = 0;  ///< the first line's, from 1; not part of equality
  std::variant<std::monostate, Params, Testcase, Testcases, Unjudged, RefusalsAllowed, RawStep>
      content;
  std::optional<std::string> comment;  ///< what follows the `#`

  friend bool operator==(const Line& a, const Line& b) {
    return a.content == b.content && a.comment == b.comment;
  }
};

/// A whole script.
struct Script {
  std::string file;  ///< for messages; not part of equality
  std::vector<Line> lines;

  friend bool operator==(const Script& a, const Script& b) { return a.lines == b.lines; }
};

/// Reads a script. Throws ScriptError.
Script parse(std::string_view text, const std::string& file);
/// Reads a script from a file. Throws ScriptError, also where the file cannot be read.
Script parse_file(const std::string& path);

/// The canonical text: parse(print(x)) == x.
std::string print(const Script& script);
std::string print(const Line& line);
std::string print(const RawStep& step);

/// `text`, in which nothing is a parameter, as a script has to say it: `$$` for a dollar.
std::string escaped(const std::string& text);

[[noreturn]] void fail(const std::string& file, int line, const std::string& expected,
                       const std::string& found);

}  // namespace sim::script
