// SPDX-License-Identifier: MIT
#include "sim/fuzz/shrink.h"

#include <rapidcheck.h>

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

/// The line with one word simpler or, where it is an option, gone.
std::vector<std::string> simpler_lines(const std::string& line) {
  const std::vector<std::string> words = words_of(line);
  std::vector<std::string> lines;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    if (equals != std::string::npos && i > 1) {
      std::vector<std::string> fewer = words;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
      lines.push_back(line_of(fewer));
    }
    const std::size_t start = equals == std::string::npos ? 0 : equals + 1;
    if (!is_number(words[i].substr(start))) continue;
    for (const std::uint64_t number : simpler(std::stoull(words[i].substr(start)))) {
      std::vector<std::string> other = words;
      other[i] = words[i].substr(0, start) + std::to_string(number);
      lines.push_back(line_of(other));
    }
  }
  return lines;
}

class Shrinker {
 public:
  Shrinker(Shrunk start, const Trial& trial, unsigned limit)
      : best_(std::move(start)), trial_(trial), limit_(limit) {}

  Shrunk run() {
    // What comes after the failure cannot matter.
    best_.program.resize(std::min(best_.program.size(), best_.failure.steps));
    while (take_out_lines() || simplify_lines()) {
    }
    return best_;
  }

 private:
  bool tired() const { return best_.trials >= limit_; }

  /// Whether it fails in the same way; then it is the best.
  bool better(Program program) {
    if (tired()) return false;
    ++best_.trials;
    std::optional<Failure> failure = trial_(program);
    if (!failure || failure->signature != best_.failure.signature) return false;
    program.resize(std::min(program.size(), failure->steps));
    best_.program = std::move(program);
    best_.failure = std::move(*failure);
    return true;
  }

  bool take_out_lines() {
    bool any = false;
    for (bool found = true; found && !tired();) {
      found = false;
      rc::Seq<Program> fewer = rc::shrink::removeChunks(best_.program);
      while (auto program = fewer.next()) {
        if (!better(std::move(*program))) continue;
        found = any = true;
        break;
      }
    }
    return any;
  }

  bool simplify_lines() {
    bool any = false;
    for (std::size_t i = 0; i < best_.program.size(); ++i) {
      for (bool found = true; found && i < best_.program.size() && !tired();) {
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
};

}  // namespace

Shrunk shrink(const Program& program, const Failure& failure, const Trial& trial, unsigned trials) {
  return Shrinker({program, failure, 0}, trial, trials).run();
}

}  // namespace sim::fuzz
