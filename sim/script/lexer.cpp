// SPDX-License-Identifier: MIT
#include "sim/script/lexer.h"

#include <algorithm>
#include <cctype>

namespace sim::script {

namespace {

bool key_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
}

/// Where the `=` of `key=` stands in `text`, if it begins with a key.
std::size_t key_length(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && key_character(text[length])) ++length;
  return length > 0 && length < text.size() && text[length] == '=' ? length : 0;
}

}  // namespace

bool Lexer::at_continuation() const {
  const std::string_view rest = text_.substr(position_);
  return rest.starts_with("\\\n") || rest.starts_with("\\\r\n") || rest == "\\";
}

bool Lexer::at_blank() const {
  if (at_end()) return false;
  const char c = text_[position_];
  return c == ' ' || c == '\t' || c == '\r' || at_continuation();
}

char Lexer::take() {
  const char c = text_[position_++];
  if (c == '\n') ++line_;
  return c;
}

void Lexer::skip_blanks() {
  while (at_blank()) {
    const bool continues = at_continuation();
    const char c = take();
    while (continues && !at_end() && text_[position_] == '\r') take();
    if (continues && c == '\\' && !at_end()) take();
  }
}

LexedLine Lexer::next_line() {
  LexedLine line;
  line.number = line_;
  for (skip_blanks(); !at_line_end(); skip_blanks()) {
    const char c = text_[position_];
    if (c == '#') {
      line.comment = comment();
    } else if (c == '{' && line.json.empty()) {
      line.json = balanced();
      check_word_ended();
    } else {
      if (!line.json.empty())
        fail(file_, line_, "the end of the line after the request", bare_text());
      line.words.push_back(word());
    }
  }
  if (!at_end()) take();
  return line;
}

Word Lexer::word() {
  Word word;
  if (text_[position_] == '"') {
    word.text = quoted_text();
    word.quoted = true;
    return word;
  }
  if (const std::size_t length = key_length(text_.substr(position_)); length > 0) {
    word.key = text_.substr(position_, length);
    position_ += length + 1;
    const char first = at_line_end() ? ' ' : text_[position_];
    if (first == '"') {
      word.text = quoted_text();
      word.quoted = true;
      return word;
    }
    if (first == '[' || first == '{') word.text = balanced();
  }
  word.text += bare_text();
  return word;
}

std::string Lexer::bare_text() {
  std::string text;
  while (!at_line_end() && !at_blank()) text.push_back(take());
  return text;
}

void Lexer::check_word_ended() {
  if (at_line_end() || at_blank()) return;
  fail(file_, line_, "a blank after the closing quote or bracket", bare_text());
}

std::string Lexer::quoted_text() {
  std::string text;
  take();
  while (true) {
    if (at_line_end()) fail(file_, line_, "a closing \"", "the end of the line");
    char c = take();
    if (c == '"') break;
    if (c == '\\') {
      if (at_line_end()) fail(file_, line_, "a closing \"", "the end of the line");
      c = take();
      if (c != '"' && c != '\\') {
        fail(file_, line_, "\\\" or \\\\ in a quoted word", std::string("\\") + c);
      }
    }
    text.push_back(c);
  }
  check_word_ended();
  return text;
}

void Lexer::string_inside_json(std::string& json) {
  json.push_back(take());
  while (!at_line_end()) {
    const char c = take();
    json.push_back(c);
    if (c == '"') return;
    if (c == '\\' && !at_line_end()) json.push_back(take());
  }
}

std::string Lexer::balanced() {
  std::string json;
  int depth = 0;
  do {
    if (at_blank()) {
      skip_blanks();
      json.push_back(' ');
      continue;
    }
    if (at_line_end()) fail(file_, line_, "a closing bracket", "the end of the line");
    const char c = text_[position_];
    if (c == '"') {
      string_inside_json(json);
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    json.push_back(take());
  } while (depth > 0);
  return json;
}

std::string Lexer::comment() {
  take();
  std::string text;
  while (!at_line_end()) text.push_back(take());
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  return text;
}

}  // namespace sim::script
