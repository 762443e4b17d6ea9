// SPDX-License-Identifier: MIT
#include "sim/fuzz/shrink.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>

namespace sim::fuzz {

namespace {

/// A line and its words, taken apart at blanks; no word of ours holds one.
std::vector<std::string> words_of(const std::string& line) {
  std::istringstream text(line);
  std::vector<std::string> words;
  for (std::string word; text >> word;) words.push_back(word);
  return words;
}

std::string line_of(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 12 &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

/// Simpler numbers, the simplest first; those of sectors stay such.
std::vector<std::uint64_t> simpler(std::uint64_t number) {
  std::vector<std::uint64_t> result;
  const std::uint64_t step = number % 512 == 0 ? 512 : 1;
  for (const std::uint64_t each :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{512}, std::uint64_t{65536},
        std::uint64_t{1048576}, number / 2 / step * step, number - number % 65536,
        number - number % 4096, number >= step ? number - step : number}) {
    if (each < number) result.push_back(each);
  }
  return result;
}

/// Simpler sizes of disks: round ones, though they may be larger; on a tiny disk other lines would
/// lose their meaning.
std::vector<std::uint64_t> simpler_sizes(std::uint64_t number) {
  constexpr std::uint64_t best = 1048576;
  if (number == best) return {};
  std::vector<std::uint64_t> result{best};
  for (const std::uint64_t each : simpler(number)) {
    if (each >= 65536) result.push_back(each);
  }
  return result;
}

/// The line without the option that is its word `index`. Options that mean nothing without it go
/// along.
std::string without_option(std::vector<std::string> words, std::size_t index) {
  const bool backing = words[index].starts_with("backing_file=");
  words.erase(words.begin() + static_cast<std::ptrdiff_t>(index));
  if (backing) std::erase_if(words, [](const auto& word) { return word.starts_with("backing_"); });
  return line_of(words);
}

/// The line with one of the numbers of its word `index` simpler, of those after `from`.
void add_simpler_numbers(const std::vector<std::string>& words, std::size_t index, std::size_t from,
                         std::vector<std::string>& lines) {
  const std::string& word = words[index];
  for (std::size_t at = from; at < word.size(); ++at) {
    const std::size_t end = std::min(word.find_first_not_of("0123456789", at), word.size());
    if (!is_number(word.substr(at, end - at)) ||
        std::isalnum(static_cast<unsigned char>(word[at - 1])))
      continue;
    for (const std::uint64_t number : simpler(std::stoull(word.substr(at, end - at)))) {
      std::vector<std::string> other = words;
      other[index] = word.substr(0, at) + std::to_string(number) + word.substr(end);
      lines.push_back(line_of(other));
    }
    at = end;
  }
}

/// The line with one word simpler or, where it is an option, gone.
std::vector<std::string> simpler_lines(const std::string& line) {
  const std::vector<std::string> words = words_of(line);
  const bool foreign = line.starts_with("foreign ");
  const bool sizes = foreign || line.starts_with("create ") || line.starts_with("block_resize ");
  std::vector<std::string> lines;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    if (equals != std::string::npos && i > 1) lines.push_back(without_option(words, i));
    if (foreign && equals != std::string::npos) add_simpler_numbers(words, i, equals, lines);
    const std::size_t start = equals == std::string::npos ? 0 : equals + 1;
    if (!is_number(words[i].substr(start))) continue;
    const std::uint64_t number_there = std::stoull(words[i].substr(start));
    for (const std::uint64_t number : sizes ? simpler_sizes(number_there) : simpler(number_there)) {
      std::vector<std::string> other = words;
      other[i] = words[i].substr(0, start) + std::to_string(number);
      lines.push_back(line_of(other));
    }
  }
  return lines;
}

/// Where the digits end that start at `at`.
std::size_t end_of_number(const std::string& text, std::size_t at) {
  return std::min(text.find_first_not_of("0123456789", at), text.size());
}

/// The names in a program that the generator numbers: of files, nodes and bitmaps.
std::set<std::string> numbered_names(const Program& program) {
  std::set<std::string> names;
  for (const std::string& line : program) {
    for (const std::string prefix : {"PID-", "=n", " n", "\"n", "=b", " b", "\"b"}) {
      for (std::size_t at = line.find(prefix); at != std::string::npos;
           at = line.find(prefix, at + 1)) {
        const std::size_t digits = at + prefix.size();
        const std::size_t end = end_of_number(line, digits);
        const std::size_t start = prefix == "PID-" ? at : at + 1;
        if (end > digits) names.insert(line.substr(start, end - start));
      }
    }
  }
  return names;
}

/// The program with one name in place of another.
Program renamed(Program program, const std::string& from, const std::string& to) {
  for (std::string& line : program) {
    for (std::size_t at = line.find(from); at != std::string::npos; at = line.find(from, at)) {
      const bool whole = end_of_number(line, at + from.size()) == at + from.size() &&
                         (at == 0 || std::isalnum(static_cast<unsigned char>(line[at - 1])) == 0);
      if (whole) line.replace(at, from.size(), to);
      at += whole ? to.size() : 1;
    }
  }
  return program;
}

Program without(const Program& program, std::size_t first, std::size_t count) {
  Program rest = program;
  const auto start = rest.begin() + static_cast<std::ptrdiff_t>(first);
  rest.erase(start, start + static_cast<std::ptrdiff_t>(count));
  return rest;
}

/// Lines that look at a part of what the program made.
std::vector<std::string> looks(const Program& program) {
  std::vector<std::string> lines{"show bitmaps drive0", "show data drive0", "query-jobs"};
  for (const std::string& name : numbered_names(program)) {
    if (name.starts_with("PID-")) lines.push_back("show info TEST_DIR/" + name);
    if (!name.starts_with("n")) continue;
    lines.push_back("show bitmaps " + name);
    lines.push_back("show data " + name);
  }
  return lines;
}

class Shrinker {
 public:
  Shrinker(Shrunk start, const Trial& trial, unsigned limit, Likeness likeness)
      : best_(std::move(start)), trial_(trial), limit_(limit), likeness_(likeness) {}

  Shrunk run() {
    // What comes after the failure cannot matter.
    best_.program.resize(std::min(best_.program.size(), best_.failure.steps));
    while (take_out_lines() || take_out_pairs() || look_earlier() || unite_names() ||
           simplify_lines()) {
    }
    return best_;
  }

 private:
  std::size_t size() const { return best_.program.size(); }

  /// Whether it fails, too; then it is the best. Nothing is tried twice.
  bool better(Program program) {
    if (best_.trials >= limit_ || !tried_.insert(program).second) return false;
    ++best_.trials;
    std::optional<Failure> failure = trial_(program);
    if (!failure || !are_like(best_.failure, *failure, likeness_)) return false;
    program.resize(std::min(program.size(), failure->steps));
    best_.program = std::move(program);
    best_.failure = std::move(*failure);
    return true;
  }

  /// Many at once to begin with, and from the end: later lines rest on those before them.
  bool take_out_lines() {
    bool any = false;
    for (std::size_t count = std::max<std::size_t>(size() / 2, 1); count > 0; count /= 2) {
      for (std::size_t end = size(); end >= count;) {
        const std::size_t first = end - count;
        any |= better(without(best_.program, first, count));
        end = std::min(first, size());
      }
    }
    return any;
  }

  /// Two lines that need each other, wherever they are: in a short program alone, as there are
  /// many.
  bool take_out_pairs() {
    constexpr std::size_t few = 20;
    bool any = false;
    for (std::size_t second = size(); size() <= few && second-- > 1;) {
      for (std::size_t first = std::min(second, size()); first-- > 0 && second < size();) {
        any |= better(without(without(best_.program, second, 1), first, 1));
      }
    }
    return any;
  }

  /// What shows at the end may show before, to who looks.
  bool look_earlier() {
    const std::vector<std::string> lines = looks(best_.program);
    for (std::size_t count = 2; count + 1 < size(); ++count) {
      for (const std::string& line : lines) {
        Program program(best_.program.begin(),
                        best_.program.begin() + static_cast<std::ptrdiff_t>(count));
        program.push_back(line);
        if (better(std::move(program))) return true;
      }
    }
    return false;
  }

  /// One name for what had two: then a line that made the other may go. All of them first, so that
  /// a chain of images can lose one in its middle.
  bool unite_names() {
    bool any = false;
    const std::set<std::string> names = numbered_names(best_.program);
    for (const std::string& to : names) {
      for (const std::string& from : names) {
        if (to.front() != from.front() || to >= from) continue;
        any |= better(renamed(best_.program, from, to));
      }
    }
    return any;
  }

  bool simplify_lines() {
    bool any = false;
    for (std::size_t i = 0; i < size(); ++i) {
      for (bool found = true; found && i < size();) {
        found = false;
        for (const std::string& line : simpler_lines(best_.program[i])) {
          Program program = best_.program;
          program[i] = line;
          if (!better(std::move(program))) continue;
          found = any = true;
          break;
        }
      }
    }
    return any;
  }

  Shrunk best_;
  const Trial& trial_;
  unsigned limit_;
  Likeness likeness_;
  std::set<Program> tried_;
};

}  // namespace

/// A program that shrinking spoilt may be refused in various words; that is no sight.
bool are_like(const Failure& first, const Failure& other, Likeness likeness) {
  if (other.signature == first.signature) return true;
  const bool looks = other.signature.starts_with("show; ") ||
                     other.signature.starts_with("query-jobs; ") ||
                     other.signature.starts_with("query-block-jobs; ");
  return likeness == Likeness::seen && looks && other.signature.find("error") == std::string::npos;
}

Shrunk shrink(const Program& program, const Failure& failure, const Trial& trial, unsigned trials,
              Likeness likeness) {
  return Shrinker({program, failure, 0}, trial, trials, likeness).run();
}

}  // namespace sim::fuzz
