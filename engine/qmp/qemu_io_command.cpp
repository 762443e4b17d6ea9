// SPDX-License-Identifier: MIT
#include "engine/qmp/qemu_io_command.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/check.h"
#include "engine/error.h"
#include "engine/qmp/qemu_io_text.h"

namespace engine::qmp {
namespace {

constexpr std::array<IoCommand, 10> commands{{
    {"read", Operation::read, Waiting::synchronous, "aCl:pP:qs:v", 2, false,
     "read [-abCqv] [-P pattern [-s off] [-l len]] off len -- reads a number of bytes at a "
     "specified offset"},
    {"readv", Operation::read, Waiting::synchronous, "CP:qv", 2, true,
     "readv [-Cqv] [-P pattern] off len [len..] -- reads a number of bytes at a specified offset"},
    {"write", Operation::write, Waiting::synchronous, "CfnpP:quz", 2, false,
     "write [-bcCfnquz] [-P pattern | -s source_file] off len -- writes a number of bytes at a "
     "specified offset"},
    {"writev", Operation::write, Waiting::synchronous, "CfP:q", 2, true,
     "writev [-Cfq] [-P pattern] off len [len..] -- writes a number of bytes at a specified "
     "offset"},
    {"aio_read", Operation::read, Waiting::asynchronous, "CiP:qv", 2, true,
     "aio_read [-Ciqv] [-P pattern] off len [len..] -- asynchronously reads a number of bytes"},
    {"aio_write", Operation::write, Waiting::asynchronous, "CfiP:quz", 2, true,
     "aio_write [-Cfiquz] [-P pattern] off len [len..] -- asynchronously writes a number of "
     "bytes"},
    {"discard", Operation::discard, Waiting::synchronous, "Cq", 2, false,
     "discard [-Cq] off len -- discards a number of bytes at a specified offset"},
    {"flush", Operation::flush, Waiting::synchronous, "", 0, false, ""},
    {"aio_flush", Operation::aio_flush, Waiting::synchronous, "", 0, false, ""},
    {"length", Operation::length, Waiting::synchronous, "", 0, false, ""},
}};

bool is_blank(char c) { return c == ' ' || ('\t' <= c && c <= '\r'); }

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> words;
  words.reserve(8);
  for (auto at = line.begin();;) {
    const auto start = std::find_if_not(at, line.end(), is_blank);
    if (start == line.end()) return words;
    at = std::find_if(start, line.end(), is_blank);
    words.emplace_back(start, at);
  }
}

[[noreturn]] void usage_refusal(const IoCommand& command, const std::string& before = {}) {
  throw Refusal(before + std::string(command.usage));
}

/// The options of a command line: of one that is given twice the last value.
class Options {
 public:
  std::string_view& operator[](char key) {
    for (auto& [known, value] : given_) {
      if (known == key) return value;
    }
    return given_.emplace_back(key, std::string_view()).second;
  }
  bool contains(char key) const {
    return std::ranges::find(given_, key, &Given::first) != given_.end();
  }
  std::optional<std::string> value(char key) const {
    const auto found = std::ranges::find(given_, key, &Given::first);
    return found != given_.end() ? std::optional<std::string>(found->second) : std::nullopt;
  }

 private:
  using Given = std::pair<char, std::string_view>;
  std::vector<Given> given_;
};

/// The options and the other words of a command line, as getopt(3) tells them apart.
struct Parsed {
  Options options;
  std::vector<std::string_view> others;
};

Parsed parse_options(const IoCommand& command, const std::vector<std::string_view>& words) {
  Parsed parsed;
  parsed.others.reserve(words.size());
  const std::string name(command.name);
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word.size() < 2 || word[0] != '-') {
      parsed.others.push_back(word);
      continue;
    }
    for (std::size_t at = 1; at < word.size(); ++at) {
      const std::size_t known = command.options.find(word[at]);
      if (known == std::string_view::npos || word[at] == ':') {
        usage_refusal(command, name + ": invalid option -- '" + word[at] + "'\n");
      }
      const bool takes_value =
          known + 1 < command.options.size() && command.options[known + 1] == ':';
      std::string_view& value = parsed.options[word[at]];
      if (!takes_value) continue;
      if (at + 1 < word.size()) {
        value = word.substr(at + 1);
      } else if (i + 1 < words.size()) {
        value = words[++i];
      } else {
        usage_refusal(command, name + ": option requires an argument -- '" + word[at] + "'\n");
      }
      break;
    }
  }
  return parsed;
}

void check_count(const IoCommand& command, std::size_t count) {
  const bool none = command.min_arguments == 0;
  if (none ? count == 0 : count >= command.min_arguments) return;
  throw Refusal(
      "bad argument count " + std::to_string(count) + " to " + std::string(command.name) +
      ", expected " +
      (none ? "0 arguments" : "at least " + std::to_string(command.min_arguments) + " arguments"));
}

void take_options(IoRequest& request, const Options& options) {
  if (const auto text = options.value('P')) request.pattern = parse_pattern(*text);
  if (const auto text = options.value('s')) request.skip = parse_size(*text);
  if (const auto text = options.value('l')) request.verified = parse_size(*text);
  request.quiet = options.contains('q');
  request.verbose = options.contains('v');
  request.zeroes = options.contains('z');
  request.unmap = options.contains('u');
  request.force_flush = options.contains('f');
  if (!request.zeroes && options.contains('n')) {
    throw Refusal("-n requires -z to be specified");
  }
  if (!request.zeroes && request.unmap) throw Refusal("-u requires -z to be specified");
  request.no_fallback = options.contains('n');
  const bool asynchronous = request.command->waiting == Waiting::asynchronous;
  if (request.zeroes && request.pattern && !asynchronous) {
    throw Refusal("Only one of -z, -P, and -s can be specified at the same time");
  }
}

/// Zeroes need no buffer: those that aio_write or -n asks for may be longer than a request.
std::uint64_t parse_length(const IoRequest& request, const std::string& text) {
  constexpr std::uint64_t greatest = 2147483136;
  const std::uint64_t length = parse_size(text);
  const bool listed = request.command->takes_lengths;
  if (length <= greatest || (request.zeroes && (listed || request.no_fallback))) return length;
  if (listed) {
    throw Refusal("Argument '" + text + "' exceeds maximum size " + std::to_string(greatest));
  }
  const bool can_skip = request.command->name == "write";
  throw Refusal("length cannot exceed " + std::to_string(greatest) +
                (can_skip ? " without -n" : "") + ", given " + text);
}

void take_range(IoRequest& request, const std::vector<std::string_view>& words) {
  const IoCommand& command = *request.command;
  const std::size_t most = command.takes_lengths ? words.size() : 2;
  if (words.size() < 2 || words.size() > most) usage_refusal(command);
  if (request.zeroes && words.size() != 2) {
    throw Refusal("-z supports only a single length parameter");
  }
  request.offset = parse_size(std::string(words[0]));
  for (std::size_t i = 1; i < words.size(); ++i) {
    request.length += parse_length(request, std::string(words[i]));
  }
}

void check_verification(const IoRequest& request) {
  if (!request.pattern && (request.skip || request.verified)) usage_refusal(*request.command);
  const std::uint64_t skip = request.skip.value_or(0);
  if (skip > request.length || request.verified.value_or(0) > request.length - skip) {
    throw Refusal("pattern verification range exceeds end of read data");
  }
}

}  // namespace

IoLine::IoLine(std::string_view line) : words_(split(line)) {
  if (words_.empty()) return;
  const auto found = std::ranges::find(commands, words_[0], &IoCommand::name);
  if (found == commands.end()) {
    throw Refusal("command \"" + std::string(words_[0]) + "\" not found");
  }
  check_count(*found, words_.size() - 1);
  command_ = &*found;
}

IoRequest IoLine::parse() const {
  INVARIANT(command_ != nullptr);
  IoRequest request{.command = command_, .pattern = {}, .skip = {}, .verified = {}};
  if (command_->min_arguments == 0) return request;
  const Parsed parsed = parse_options(*command_, words_);
  take_options(request, parsed.options);
  take_range(request, parsed.others);
  check_verification(request);
  return request;
}

}  // namespace engine::qmp
