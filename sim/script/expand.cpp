// SPDX-License-Identifier: MIT
#include "sim/script/expand.h"

#include <algorithm>
#include <set>

#include "sim/script/action.h"

namespace sim::script {

namespace {

using Values = std::map<std::string, std::string>;

/// The parameters that a script declares, and the runs over them.
class Head {
 public:
  explicit Head(const Script& script) : script_(script) {}

  std::vector<Run> runs(const std::string& name) {
    for (const Line& line : script_.lines) {
      line_ = line.number;
      if (const auto* params = std::get_if<Params>(&line.content)) declare(*params);
      if (const auto* testcase = std::get_if<Testcase>(&line.content)) add(*testcase);
      if (const auto* testcases = std::get_if<Testcases>(&line.content)) add(*testcases);
    }
    if (runs_.empty()) runs_.push_back({name, defaults()});
    return std::move(runs_);
  }

 private:
  [[noreturn]] void refuse(const std::string& expected, const std::string& found) const {
    fail(script_.file, line_, expected, found);
  }

  void declare(const Params& params) {
    for (const auto& [name, values] : params.values) {
      if (!declared_.emplace(name, values).second) {
        refuse("each parameter once", "'" + name + "' again");
      }
      order_.push_back(name);
    }
    if (!runs_.empty()) refuse("param lines before testcase lines", "param");
  }

  Values defaults() const {
    Values values;
    for (const auto& [name, choices] : declared_) values[name] = choices.front();
    return values;
  }

  const std::vector<std::string>& choices(const std::string& name) const {
    const auto found = declared_.find(name);
    if (found != declared_.end()) return found->second;
    std::string known;
    for (const std::string& each : order_) known += (known.empty() ? "" : ", ") + each;
    refuse("a parameter (" + (known.empty() ? "none is declared" : known) + ")", "'" + name + "'");
  }

  void add(const Testcase& testcase) {
    Run run{testcase.title, defaults()};
    for (const auto& [name, value] : testcase.values) {
      choices(name);
      run.values[name] = value;
    }
    add(std::move(run));
  }

  void add(const Testcases& testcases) {
    constexpr std::size_t most = 100000;
    std::set<std::string> seen;
    std::size_t combinations = 1;
    for (const std::string& name : testcases.over) {
      if (!seen.insert(name).second) refuse("each parameter once", "'" + name + "' again");
      combinations *= choices(name).size();
      if (combinations > most) refuse("at most " + std::to_string(most) + " testcases", "more");
    }
    combine(testcases.over, 0, {"", defaults()});
  }

  void combine(const std::vector<std::string>& over, std::size_t next, const Run& partial) {
    if (next == over.size()) return add(partial);
    for (const std::string& value : choices(over[next])) {
      Run run = partial;
      run.title += (run.title.empty() ? "" : " ") + over[next] + "=" + value;
      run.values[over[next]] = value;
      combine(over, next + 1, run);
    }
  }

  void add(Run run) {
    if (!titles_.insert(run.title).second) {
      refuse("a title of its own for each testcase", "'" + run.title + "' again");
    }
    runs_.push_back(std::move(run));
  }

  const Script& script_;
  int line_ = 0;
  std::map<std::string, std::vector<std::string>> declared_;
  std::vector<std::string> order_;
  std::vector<Run> runs_;
  std::set<std::string> titles_;
};

bool name_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// Replaces parameters in the words of one line.
class Substitution {
 public:
  Substitution(const Values& values, const std::string& file, int line)
      : values_(values), file_(file), line_(line) {}

  std::string in(const std::string& text) const {
    std::size_t at = text.find('$');
    if (at == std::string::npos) return text;
    std::string result;
    std::size_t done = 0;
    for (; at != std::string::npos; at = text.find('$', done)) {
      result.append(text, done, at - done);
      done = at + 1;
      result += replaced(text, done);
    }
    return result.append(text, done, std::string::npos);
  }

  RawStep in(const RawStep& step) const {
    RawStep result{{}, {}, step.cut, step.words, in(step.json)};
    for (Word& word : result.cut) word.text = in(word.text);
    for (Word& word : result.words) word.text = in(word.text);
    return result;
  }

  const std::string& value(const std::string& name) const {
    const auto found = values_.find(name);
    if (found != values_.end()) return found->second;
    fail(file_, line_, "the name of a parameter", "'" + name + "'");
  }

 private:
  /// What stands for the `$…` whose name starts at `at`; moves `at` behind it.
  std::string replaced(const std::string& text, std::size_t& at) const {
    if (at < text.size() && text[at] == '$') {
      ++at;
      return "$";
    }
    const bool braced = at < text.size() && text[at] == '{';
    const std::size_t start = braced ? at + 1 : at;
    std::size_t end = start;
    while (end < text.size() && name_character(text[end])) ++end;
    const bool closed = !braced || (end < text.size() && text[end] == '}');
    if (end == start || !closed) {
      fail(file_, line_, "$NAME, ${NAME} or $$", "'$" + text.substr(at, 20) + "'");
    }
    at = braced ? end + 1 : end;
    return value(text.substr(start, end - start));
  }

  const Values& values_;
  const std::string& file_;
  int line_;
};

bool applies(const RawStep& step, const Substitution& substitution) {
  return std::all_of(step.conditions.begin(), step.conditions.end(), [&](const Condition& c) {
    return (substitution.value(c.name) == c.value) == c.wanted;
  });
}

}  // namespace

std::vector<Run> runs(const Script& script, const std::string& name) {
  return Head(script).runs(name);
}

void check_sense(const Script& script, const std::vector<Run>& runs) {
  const bool has_step = std::ranges::any_of(
      script.lines, [](const Line& line) { return std::holds_alternative<RawStep>(line.content); });
  if (!has_step) throw ScriptError(script.file + ": expected a step, found none");
  for (const Line& line : script.lines) {
    const auto* params = std::get_if<Params>(&line.content);
    if (params == nullptr) continue;
    for (const auto& [name, values] : params->values) {
      const bool varied = std::ranges::any_of(runs, [&, key = name](const Run& run) {
        return run.values.at(key) != runs.front().values.at(key);
      });
      if (varied) continue;
      fail(script.file, line.number, "a testcase line that varies '" + name + "'", "none");
    }
  }
}

std::vector<Step> steps(const Script& script, const Run& run) {
  const bool allowed = std::ranges::any_of(script.lines, [](const Line& line) {
    return std::holds_alternative<RefusalsAllowed>(line.content);
  });
  std::vector<Step> result;
  for (const Line& line : script.lines) {
    const auto* raw = std::get_if<RawStep>(&line.content);
    if (raw == nullptr) continue;
    const Substitution substitution(run.values, script.file, line.number);
    const RawStep concrete = substitution.in(*raw);
    Action action = action_of(concrete, script.file, line.number);
    std::optional<Cut> cut = cut_of(concrete, script.file, line.number);
    const std::optional<Mishap> mishap = mishap_of(concrete, script.file, line.number);
    if (!applies(*raw, substitution)) continue;
    const bool unmarked = raw->refusal == Refusal::unwanted;
    const Refusal refusal = allowed && unmarked ? Refusal::possible : raw->refusal;
    result.push_back(
        {line.number, print(concrete), std::move(action), std::move(cut), mishap, refusal});
  }
  return result;
}

}  // namespace sim::script
