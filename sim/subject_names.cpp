// SPDX-License-Identifier: MIT
#include "sim/subject_names.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "sim/ensure.h"
#include "sim/usage_error.h"

namespace sim {

namespace {

constexpr std::string_view socket_prefix = "qmp:", command_prefix = "command:";

/// The words of a command, as sh parts them.
class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {}

  std::vector<std::string> all() {
    for (; at_ < text_.size(); ++at_) take(text_[at_]);
    if (quote_ != 0) throw UsageError("--subject: a quote is not closed in '" + shown() + "'");
    finish();
    return std::move(words_);
  }

 private:
  void take(char c) {
    if (c == '\\' && quote_ != '\'' && at_ + 1 < text_.size()) return add(text_[++at_]);
    if (quote_ != 0) return c == quote_ ? void(quote_ = 0) : add(c);
    if (c == '\'' || c == '"') return begin_quote(c);
    return c == ' ' || c == '\t' ? finish() : add(c);
  }
  void add(char c) {
    word_.push_back(c);
    open_ = true;
  }
  void begin_quote(char c) {
    quote_ = c;
    open_ = true;
  }
  void finish() {
    if (open_) words_.push_back(std::move(word_));
    word_.clear();
    open_ = false;
  }
  std::string shown() const { return std::string(text_); }

  std::string_view text_;
  std::size_t at_ = 0;
  char quote_ = 0;
  bool open_ = false;  ///< whether a word has begun; an empty one may be quoted
  std::string word_;
  std::vector<std::string> words_;
};

void require_known(const std::string& name) {
  const bool socket = name.starts_with(socket_prefix);
  if (name == "model" || name == "engine" || name == "qemu") return;
  if (!is_program(name)) {
    throw UsageError("--subject: '" + name +
                     "' is none of model, engine, qemu, qmp:SOCKET, command:PROGRAM");
  }
  const std::string rest = name.substr((socket ? socket_prefix : command_prefix).size());
  if (rest.find_first_not_of(" \t") == std::string::npos) {
    throw UsageError("--subject: '" + name + "' names no " + (socket ? "socket" : "program"));
  }
}

}  // namespace

std::vector<std::string> split_subjects(const std::string& list) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < list.size();) {
    const bool to_the_end = std::string_view(list).substr(at).starts_with(command_prefix);
    const std::size_t end = to_the_end ? list.size() : std::min(list.find(',', at), list.size());
    std::string name = list.substr(at, end - at);
    require_known(name);
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      throw UsageError("--subject: '" + name + "' twice");
    }
    names.push_back(std::move(name));
    at = end + 1;
  }
  if (names.empty()) throw UsageError("--subject: none given");
  return names;
}

bool is_program(const std::string& subject) {
  return subject.starts_with(socket_prefix) || subject.starts_with(command_prefix);
}

QmpProgram program_of(const std::string& subject, std::chrono::milliseconds limit) {
  const std::string_view text = subject;
  if (text.starts_with(socket_prefix)) {
    return QmpProgram::listening(subject, std::string(text.substr(socket_prefix.size())), limit);
  }
  ENSURE(text.starts_with(command_prefix));
  std::vector<std::string> command = Words(text.substr(command_prefix.size())).all();
  const std::string name = std::filesystem::path(command.front()).filename();
  return QmpProgram::started(std::string(command_prefix) + name, std::move(command), limit);
}

}  // namespace sim
