// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/script/script.h"

namespace sim::script {

/// A line cut into words.
struct LexedLine {
  int number = 0;
  std::vector<Word> words;
  std::string json;  ///< the text of a JSON object that follows the words
  std::optional<std::string> comment;
};

/// Cuts a script into lines and words; knows quotes, comments and continuations, not verbs.
class Lexer {
 public:
  /// `text` and `file` must outlive the lexer.
  Lexer(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  bool at_end() const { return position_ >= text_.size(); }
  /// The next line. Requires !at_end(). Throws ScriptError.
  LexedLine next_line();

 private:
  bool at_continuation() const;
  bool at_line_end() const { return at_end() || text_[position_] == '\n'; }
  bool at_blank() const;
  void skip_blanks();
  char take();

  Word word();
  std::string bare_text();
  std::string quoted_text();
  std::string balanced();
  void string_inside_json(std::string& json);
  void check_word_ended();
  std::string comment();

  std::string_view text_;
  const std::string& file_;
  std::size_t position_ = 0;
  int line_ = 1;
};

}  // namespace sim::script
