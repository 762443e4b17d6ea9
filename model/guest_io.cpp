// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <set>

#include "model/model.h"
#include "model/parts.h"

namespace model {

std::vector<std::string> words_of(const std::string& line) {
  const auto is_blank = [](char c) { return c == ' ' || ('\t' <= c && c <= '\r'); };
  std::vector<std::string> words;
  words.reserve(8);
  for (auto end = line.begin();;) {
    const auto start = std::find_if_not(end, line.end(), is_blank);
    if (start == line.end()) return words;
    end = std::find_if(start, line.end(), is_blank);
    words.emplace_back(start, end);
  }
}

/// M33
std::optional<Number> parse_size(const std::string& text) {
  const std::string digits = text.substr(text.starts_with('+') ? 1 : 0);
  if (digits.empty() || std::isdigit(digits[0]) == 0) return {};
  const bool hex = digits.starts_with("0x") || digits.starts_with("0X");
  char* stop = nullptr;
  errno = 0;
  const Number whole = std::strtoull(digits.c_str(), &stop, hex ? 16 : 10);
  const std::string rest = stop;
  if (errno == ERANGE) return rest.empty() ? std::optional(too_large) : std::nullopt;
  const auto point = rest.starts_with('.') ? rest.find_first_not_of("0123456789", 1) : 0;
  const std::string suffix = rest.substr(std::min(point, rest.size()));
  const auto power = suffix.empty() ? 0 : std::string("bkmgtpe").find(std::tolower(suffix[0]));
  if (suffix.size() > 1 || power == std::string::npos || (hex && point != 0)) return {};
  if (hex && power != 0) throw Unknowable{};  // a warning
  const double fraction = std::fmod(std::strtod(("0" + rest.substr(0, point)).c_str(), nullptr), 1);
  if (power == 0 && std::ldexp(fraction, 64) >= 1) return {};
  const long double bytes = std::ldexp(static_cast<long double>(whole) + fraction, 10 * power);
  return bytes < too_large ? static_cast<Number>(std::round(bytes)) : too_large;
}

namespace {

/// What qemu-io prints in place of doing anything.
struct Complaint {
  std::string text;
};

struct Verb {
  std::string failure;  ///< "… failed: Input/output error"; empty if it takes no operands
  bool writes = false, vectored = false;
  std::string options = "";
};

const std::map<std::string, Verb>& verbs() {
  static const std::map<std::string, Verb> table{
      {"write", {"write", true, false, "fnPquz"}},
      {"writev", {"writev", true, true, "fPq"}},
      {"aio_write", {"aio_write", true, true, "fPquz"}},
      {"read", {"read", false, false, "Pq"}},
      {"readv", {"readv", false, true, "Pq"}},
      {"aio_read", {"readv", false, true, "Pq"}},
      {"discard", {"discard", true, false, "q"}},
      {"flush", {}},
      {"aio_flush", {}},
  };
  return table;
}

struct Request {
  std::string verb;
  std::vector<std::string> operands = {};
  std::set<char> options = {};
  std::size_t pattern = 0xcd;
  Number start = 0, length = 0;
  bool has(char option) const { return options.contains(option); }
};

Number number(const std::string& text) {
  const auto value = parse_size(text);
  if (value && *value < too_large) return *value;
  const std::string malformed = "non-numeric argument, or extraneous/unrecognized suffix";
  throw Complaint{"Parsing error: " + (value ? "argument too large" : malformed) + " -- " + text};
}

std::size_t pattern(const std::string& text) {
  char* end = nullptr;
  const auto value = std::strtoul(text.c_str(), &end, 0);
  if (!text.empty() && *end == 0 && value <= 255) return value;
  throw Complaint{text + " is not a valid pattern byte"};
}

/// Options may stand anywhere, as getopt has them; what is not modelled may answer anything (M32).
Request parse(std::vector<std::string> words, const Verb& verb) {
  Request request{.verb = words[0]};
  request.operands.reserve(words.size());
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i][0] != '-') request.operands.push_back(words[i]);
    if (words[i][0] != '-') continue;
    for (std::size_t at = 1; at < words[i].size(); ++at) {
      const char option = words[i][at];
      if (verb.options.find(option) == std::string::npos) throw Complaint{anything};
      request.options.insert(option);
      if (option != 'P') continue;
      std::string value = words[i].substr(at + 1);
      if (value.empty() && i + 1 < words.size()) value = words[++i];
      request.pattern = pattern(value);
      break;
    }
  }
  return request;
}

/// M32, in the order of qemu-io's own checks.
void check(Request& request, const Verb& verb) {
  const auto count = request.operands.size();
  if (verb.vectored ? count < 2 : count != 2) throw Complaint{anything};
  if (request.has('n') && !request.has('z')) throw Complaint{"-n requires -z to be specified"};
  if (request.has('u') && !request.has('z')) throw Complaint{"-u requires -z to be specified"};
  if (request.verb == "write" && request.has('z') && request.has('P'))
    throw Complaint{"Only one of -z, -P, and -s can be specified at the same time"};
  if (request.verb == "aio_write" && request.has('z') && count > 2)
    throw Complaint{"-z supports only a single length parameter"};
  request.start = number(request.operands[0]);
  for (std::size_t i = 1; i < count; ++i) {
    const Number length = number(request.operands[i]);
    request.length += length;
    const bool unbounded = request.has('z') && (verb.vectored || request.has('n'));
    if (length <= 2147483136 || unbounded) continue;
    if (verb.vectored)
      throw Complaint{"Argument '" + request.operands[i] + "' exceeds maximum size 2147483136"};
    const std::string how = request.verb == "write" ? " without -n" : "";
    throw Complaint{"length cannot exceed 2147483136" + how + ", given " + request.operands[i]};
  }
}

/// What comparing with the pattern may tell: one text, or two where a byte is open (M9).
std::vector<std::string> verify(const State& state, const Node& node, const Request& request) {
  if (!request.has('P')) return {""};
  const std::string failed = "Pattern verification failed at offset " +
                             std::to_string(request.start) + ", " + std::to_string(request.length) +
                             " bytes";
  bool certain = true;
  for (const Piece& piece : look(state, node, request.start, request.start + request.length)) {
    if (!piece.bytes.test(request.pattern)) return {failed};
    certain = certain && piece.bytes.count() == 1;
  }
  return certain ? std::vector<std::string>{""} : std::vector<std::string>{"", failed};
}

/// M52: what may be printed if this or that fault strikes, or none.
std::string told(const Trouble& trouble, const Verb& verb,
                 const std::vector<std::string>& otherwise) {
  std::vector<std::string> texts;
  for (const std::string& error : trouble.errors)
    texts.push_back(verb.failure + " failed: " + error);
  if (!trouble.certain) texts.insert(texts.end(), otherwise.begin(), otherwise.end());
  if (texts.size() == 1) return texts[0];
  return nlohmann::json{{"$one-of", texts}}.dump();
}

void change(State& state, Node& node, const Request& request) {
  const Number end = request.start + request.length;
  if (request.verb == "discard") return discard(state, node, request.start, end);
  const Bytes value = request.has('z') ? zero_byte : Bytes{}.set(request.pattern);
  if (request.verb == "aio_write") return start_write(state, node, request.start, end, value);
  write(state, node, request.start, end, value);
}

/// Bits are set however it ends (S23); data is as before, or each byte is as before or new.
std::string change_in_trouble(State& state, Node& node, const Request& request, const Verb& verb) {
  const bool zeros = request.has('z') || request.verb == "discard";
  const bool idle = request.verb == "discard" && (!node.unmap || node.filter());
  if (idle || request.length == 0) return "";
  Trouble trouble = trouble_of_written(state, node, request.start, request.start + request.length);
  if (trouble.certain) return told(trouble, verb, {""});
  trouble = trouble_writing(state, node, !zeros);
  if (trouble.errors.empty()) {
    change(state, node, request);
    return "";
  }
  if (request.verb == "aio_write") throw Unknowable{};
  const bool mirrored = node.filter() && state.faults.contains({node.file, "read"});
  if (mirrored) throw Unknowable{};  // M55: there may be nothing to read
  Image& image = state.files.at(node.file);
  const Extents before = image.data;
  change(state, node, request);
  const Number first = request.start / image.cluster * image.cluster;
  const Number last = request.start + request.length + image.cluster;
  if (trouble.nothing_done) {
    image.data = before;
  } else {
    walk(before, first, last, [&image](Number from, const Extent& old) {
      blend(image.data, from, old.end, old, {0, {}, true});
    });
  }
  return told(trouble, verb, {""});
}

/// M9: of its layer.
void flush_layer(State& state, const Node& node) {
  const Node& target = node.filter() ? state.nodes.at(node.below) : node;
  if (flushes(state, target.file)) state.files.at(target.file).unsynced.clear();
}

std::string carry_out(State& state, Node& node, const Request& request, const Verb& verb) {
  const Number end = request.start + request.length;
  if (end > state.files.at(node.file).size) {
    const bool told_later = request.verb.starts_with("aio_") && holds_guests(state, node);  // M66
    return told_later ? "" : verb.failure + " failed: Input/output error";
  }
  if (!verb.writes) {
    const Trouble trouble = trouble_reading(state, node, request.start, end);
    if (!trouble.errors.empty() && request.verb == "aio_read") throw Unknowable{};
    return told(trouble, verb, verify(state, node, request));
  }
  const auto frozen = [](const Bitmap& bitmap) { return bitmap.read_only; };
  if (std::ranges::any_of(node.bitmaps, frozen))
    return verb.failure + " failed: Operation not permitted";
  std::string told = change_in_trouble(state, node, request, verb);
  const bool sound = state.faults.empty() && state.unflushable.empty();
  if (request.has('f') && sound && !verb.failure.starts_with("aio_")) flush_layer(state, node);
  return told;
}

std::string run(State& state, Node& node, const std::string& command) {
  std::vector<std::string> words = words_of(command);
  if (words.empty()) return "";
  const auto verb = verbs().find(words[0]);
  if (verb == verbs().end()) return "command \"" + words[0] + "\" not found";
  const std::size_t count = words.size() - 1;
  const bool flush = verb->second.failure.empty();
  if (flush ? count != 0 : count < 2) {
    return "bad argument count " + std::to_string(count) + " to " + words[0] + ", expected " +
           (flush ? "0 arguments" : "at least 2 arguments");
  }
  if (words[0].starts_with("aio_")) wake_commits(state);  // for a moment it drains the node (M39)
  if (flush) {
    if (words[0] == "aio_flush") {  // waits, makes nothing durable (M41)
      finish_requests(state);
      return "";
    }
    flush_layer(state, node);
    return "";
  }
  const bool frozen = node.read_only || (node.filter() && state.nodes.at(node.below).read_only);
  if (verb->second.writes && frozen) return "Block node is read-only";
  Request request = parse(std::move(words), verb->second);
  check(request, verb->second);
  return carry_out(state, node, request, verb->second);
}

}  // namespace

std::string guest_io(State& state, const std::string& name, const std::string& command) {
  finish_ending_jobs(state);
  Node* node = find_node(state, name);
  if (!node) return "Error: Cannot find device='' nor node-name='" + name + "'";
  if (node->driver == "file") throw Unknowable{};  // M42
  const bool by_name = !find_device(state, name);
  if (by_name) wake_commits(state);
  std::string told;
  try {
    told = run(state, *node, command);
  } catch (const Complaint& complaint) {
    told = complaint.text;
  }
  if (by_name) drain(state, *node);
  return told;
}

}  // namespace model
