// SPDX-License-Identifier: MIT
#include "sim/script/action.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>

#include "sim/damage.h"
#include "sim/script/bounds.h"
#include "sim/script/foreign_words.h"
#include "sim/script/modelled.h"
#include "sim/script/suggestion.h"
#include "sim/script/verbs.h"

namespace sim::script {

using nlohmann::json;

namespace {

constexpr const char* in_directory = "a file TEST_DIR/…, without ..";
constexpr const char* not_so_deep = "JSON of at most 1024 levels";

/// Refuses a step that asks for what model and engine do not have.
void require_modelled(const std::string& unmodelled, const std::string& file, int line) {
  if (unmodelled.empty()) return;
  throw ScriptError(file + ":" + std::to_string(line) + ": not modelled: " + unmodelled +
                    " (blocktwin modelled tells what is)");
}

/// Reads the words of one step from left to right.
class StepReader {
 public:
  StepReader(const RawStep& step, const std::string& file, int line)
      : StepReader(step.words, file, line) {}
  StepReader(const std::vector<Word>& words, const std::string& file, int line)
      : words_(words), file_(file), line_(line) {}

  [[noreturn]] void refuse(const std::string& expected, const std::string& found) const {
    fail(file_, line_, expected, found);
  }
  bool at_end() const { return next_ >= words_.size(); }
  std::string found() const {
    if (at_end()) return "the end of the line";
    return "'" + whole(words_[next_]) + "'";
  }

  /// The next word, whatever it looks like; `what` says what it should be.
  std::string take(const std::string& what) {
    if (at_end()) refuse(what, found());
    return whole(words_[next_++]);
  }
  /// A FILE, which lies in the scenario's directory.
  std::string own_file() {
    const std::string found = this->found();
    if (!is_own_file(take("a FILE"))) refuse(in_directory, found);
    return whole(words_[next_ - 1]);
  }
  void require_modelled(const std::string& unmodelled) const {
    script::require_modelled(unmodelled, file_, line_);
  }
  std::string rest(const std::string& what) {
    std::string text = take(what);
    while (!at_end()) text += " " + take(what);
    return text;
  }
  /// Whether the next word is that one; then it is taken.
  bool take_if(const std::string& word) {
    if (at_end() || whole(words_[next_]) != word) return false;
    ++next_;
    return true;
  }
  void finish() const {
    if (!at_end()) refuse("the end of the line", found());
  }

  /// The remaining words as KEY=VALUE with one of `keys`, added to `options`.
  void options(const std::vector<std::string>& keys, json& options) {
    for (; !at_end(); ++next_) {
      const Word& word = words_[next_];
      if (word.key.empty()) refuse("KEY=VALUE", found());
      if (std::find(keys.begin(), keys.end(), word.key) == keys.end()) {
        std::string known;
        for (const std::string& key : keys) known += (known.empty() ? "" : ", ") + key;
        refuse("an option (" + known + ")", "'" + word.key + "'" + did_you_mean(word.key, keys));
      }
      if (options.contains(word.key)) refuse("each option once", "'" + word.key + "' again");
      options[word.key] = word.text;
    }
  }

  /// The remaining words as arguments in qmp-shell's form.
  json arguments() {
    json arguments = json::object();
    for (; !at_end(); ++next_) {
      const Word& word = words_[next_];
      if (word.key.empty()) refuse("KEY=VALUE after a QMP command", found());
      place(arguments, word);
    }
    return arguments;
  }

 private:
  static std::string whole(const Word& word) {
    return word.key.empty() ? word.text : word.key + "=" + word.text;
  }

  /// Puts the value of `a.b=value` at ["a"]["b"].
  void place(json& arguments, const Word& word) const {
    if (std::ranges::count(word.key, '.') > 100) refuse("fewer names in a key", "a hundred");
    json* object = &arguments;
    std::string key = word.key;
    for (std::size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.')) {
      object = &(*object)[key.substr(0, dot)];
      if (!object->is_null() && !object->is_object()) {
        refuse("one kind of value for each key", "'" + word.key + "'");
      }
      key.erase(0, dot + 1);
    }
    if (object->contains(key)) refuse("each key once", "'" + word.key + "' again");
    (*object)[key] = value(word);
  }

  static bool looks_like_json(const std::string& text) {
    if (text.empty()) return false;
    const char first = text[0];
    return first == '[' || first == '{' || first == '-' ||
           std::isdigit(static_cast<unsigned char>(first)) || text == "true" || text == "false" ||
           text == "null";
  }

  json value(const Word& word) const {
    if (word.quoted || !looks_like_json(word.text)) return word.text;
    if (nests_too_deep(word.text)) refuse(not_so_deep, "more");
    json value = json::parse(word.text, nullptr, false);
    if (!value.is_discarded()) return value;
    if (word.text[0] == '[' || word.text[0] == '{') {
      refuse("JSON after " + word.key + "=", "'" + word.text + "'");
    }
    return word.text;
  }

  const std::vector<Word>& words_;
  const std::string& file_;
  int line_;
  std::size_t next_ = 0;
};

/// The request, which reaches only what is modelled and no file outside of the scenario's
/// directory.
Action bounded(json request, const std::string& file, int line) {
  require_modelled(unmodelled_in(request), file, line);
  const std::string outside = foreign_file(request);
  if (!outside.empty()) fail(file, line, in_directory, "'" + outside + "'");
  return QmpStep{std::move(request)};
}

Action request_of(const RawStep& step, const std::string& file, int line) {
  if (nests_too_deep(step.json)) fail(file, line, not_so_deep, "more");
  json request;
  try {
    request = json::parse(step.json);
  } catch (const json::parse_error& error) {
    fail(file, line, "a JSON object", "a mistake at character " + std::to_string(error.byte));
  }
  if (!request.is_object() || !request.contains("execute")) {
    fail(file, line, "{\"execute\": …}", "an object without it");
  }
  return bounded(std::move(request), file, line);
}

Action create_of(StepReader& words) {
  json options{{"file", words.own_file()}};
  options["size"] = words.take("a SIZE");
  words.options(
      {"format", "cluster_size", "compat", "refcount_bits", "backing_file", "backing_fmt"},
      options);
  const std::string backing = options.value("backing_file", "");
  if (!is_own_backing(backing)) words.refuse(in_directory, "'" + backing + "'");
  words.require_modelled(unmodelled_format(options.value("format", "")));
  words.require_modelled(unmodelled_format(options.value("backing_fmt", "")));
  return CreateStep{std::move(options)};
}

Action drive_of(StepReader& words) {
  json options{{"id", words.take("an ID")}};
  options["file"] = words.own_file();
  words.options(
      {"format", "node-name", "read-only", "discard", "l2-cache-size", "refcount-cache-size"},
      options);
  words.require_modelled(unmodelled_format(options.value("format", "")));
  return DriveStep{std::move(options)};
}

Action io_of(StepReader& words) {
  IoStep step;
  const std::string found = words.found();
  step.node = words.take("a NODE");
  const bool option = step.node.starts_with('-');
  if (option || step.node.find_first_of(" \t\"\\") != std::string::npos)
    words.refuse("a NODE", found);
  step.command = words.rest("a qemu-io command such as write 0 64K");
  constexpr std::size_t most = 1023;  // a word of QEMU's human monitor; it loses the rest
  if (step.command.size() > most) {
    words.refuse("a qemu-io command of at most " + std::to_string(most) + " bytes",
                 std::to_string(step.command.size()));
  }
  words.require_modelled(unmodelled_in_io(step.command));
  return step;
}

/// A number below a thousand million.
std::optional<unsigned> count_of(const std::string& text) {
  const bool digits = !text.empty() && text.size() < 10 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? std::optional(static_cast<unsigned>(std::stoul(text))) : std::nullopt;
}

unsigned number_of(StepReader& words, const std::string& what) {
  const std::string found = words.found();
  const std::optional<unsigned> number = count_of(words.take(what));
  if (!number) words.refuse(what, found);
  return *number;
}

/// What stands after `at`.
unsigned operation_number_of(StepReader& words) {
  const unsigned number = number_of(words, "the number of a storage operation");
  if (number == 0) words.refuse("the number of a storage operation, from 1 on", "0");
  return number;
}

/// A step that is cut short, or has a mishap, is none that stops or breaks things by itself.
void require_going_on(const RawStep& step, const StepReader& words) {
  const std::string verb = step.words.empty() ? std::string() : step.words.front().text;
  if (verb == "kill" || verb == "power")
    words.refuse("a step that does not stop by itself", "'" + verb + "'");
}

/// `keep=` and `seed=` of a power cut.
Kept kept_of(StepReader& words) {
  json options = json::object();
  words.options({"keep", "seed"}, options);
  if (options.empty()) return {};
  if (options.size() > 1) words.refuse("keep= or seed=", "both");
  const bool seeded = options.contains("seed");
  const std::string text = options.begin().value();
  const bool digits = text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
  if (seeded && !text.empty() && digits) return Kept::seeded(std::stoul(text));
  const std::optional<Kept> kept = seeded ? std::nullopt : Kept::parse(text);
  if (kept) return *kept;
  words.refuse(seeded ? "seed=N" : "keep=all, keep=none or numbers such as keep=1,3-5,7.0",
               "'" + text + "'");
}

Action damage_of(StepReader& words) {
  DamageStep step;
  step.file = words.own_file();
  std::string expected;
  for (const std::string& each : damages()) expected += (expected.empty() ? "" : ", ") + each;
  const std::string found = words.found();
  step.what = words.take(expected);
  const std::vector<std::string> known = damages();
  if (std::find(known.begin(), known.end(), step.what) == known.end())
    words.refuse(expected, found + did_you_mean(step.what, known));
  return step;
}

int error_of(const StepReader& words, const json& options) {
  const std::string error = options.value("error", "EIO");
  if (error != "EIO" && error != "ENOSPC") words.refuse("EIO or ENOSPC", "'" + error + "'");
  return error == "EIO" ? EIO : ENOSPC;
}

void set_fault_options(StepReader& words, StorageFault& fault) {
  json options = json::object();
  words.options({"error", "after"}, options);
  fault.error = error_of(words, options);
  const std::optional<unsigned> after = count_of(options.value("after", "0"));
  if (!after)
    words.refuse("a number of operations", "'" + options["after"].get<std::string>() + "'");
  fault.after = *after;
}

Action fail_of(StepReader& words) {
  FailStep step{words.own_file(), std::nullopt};
  const std::string expected = "read, write, flush or off";
  const std::string found = words.found();
  const std::string word = words.take(expected);
  if (word == "off") return step;
  const std::optional<Operation> operation = operation_called(word);
  if (!operation)
    words.refuse(expected, found + did_you_mean(word, {"read", "write", "flush", "off"}));
  StorageFault fault{*operation};
  fault.once = words.take_if("once");
  set_fault_options(words, fault);
  step.fault = fault;
  return step;
}

Action show_of(StepReader& words) {
  static const std::map<std::string, Sight> sights = {
      {"bitmap", Sight::bitmap},      {"bitmaps", Sight::bitmaps}, {"dirty", Sight::dirty},
      {"data", Sight::data},          {"info", Sight::info},       {"check", Sight::check},
      {"keepsakes", Sight::keepsakes}};
  static const std::vector<std::string> shown_things = {"bitmap", "bitmaps", "dirty",    "data",
                                                        "info",   "check",   "keepsakes"};
  const std::string expected = "bitmap, bitmaps, dirty, data, info, check or keepsakes after show";
  const std::string found = words.found(), what = words.take(expected);
  const auto sight = sights.find(what);
  if (sight == sights.end()) words.refuse(expected, found + did_you_mean(what, shown_things));
  ShowStep step{sight->second, {}, {}, {}};
  step.target = step.sight >= Sight::info ? words.own_file() : words.take("a NODE");
  step.label = step.target;
  if (step.sight == Sight::bitmap || step.sight == Sight::dirty) {
    step.bitmap = words.take("the NAME of a bitmap");
    step.label += "/" + step.bitmap;
  }
  if (!words.at_end()) step.label = words.take("a \"LABEL\"");
  return step;
}

}  // namespace

Action action_of(const RawStep& step, const std::string& file, int line) {
  if (!step.json.empty()) return request_of(step, file, line);
  StepReader words(step, file, line);
  const std::string verb = words.take("a step");
  Action action;
  if (verb == "foreign") return foreign_action(step.words, file, line);
  if (verb == "create") {
    action = create_of(words);
  } else if (verb == "drive") {
    action = drive_of(words);
  } else if (verb == "unplug") {
    action = UnplugStep{words.take("the ID of a drive")};
  } else if (verb == "io") {
    action = io_of(words);
  } else if (verb == "wait") {
    const std::string event = words.take("the name of an EVENT");
    words.require_modelled(unmodelled_event(event));
    action = WaitStep{event};
  } else if (verb == "run") {
    action = RunStep{number_of(words, "a number of events")};
  } else if (verb == "settle") {
    action = SettleStep{};
  } else if (verb == "schedule") {
    action = ScheduleStep{number_of(words, "a seed")};
  } else if (verb == "damage") {
    action = damage_of(words);
  } else if (verb == "fail") {
    action = fail_of(words);
  } else if (verb == "show") {
    action = show_of(words);
  } else if (verb == "print") {
    action = PrintStep{words.take("a \"TEXT\"")};
  } else if (verb == "restart") {
    action = StopStep{Stop::clean};
  } else if (verb == "kill") {
    action = StopStep{Stop::kill};
  } else if (verb == "power") {
    action = StopStep{Stop::power, kept_of(words)};
  } else {
    json request{{"execute", verb}};
    json arguments = words.arguments();
    if (!arguments.empty()) request["arguments"] = std::move(arguments);
    action = bounded(std::move(request), file, line);
  }
  words.finish();
  return action;
}

std::optional<Cut> cut_of(const RawStep& step, const std::string& file, int line) {
  if (step.cut.empty() || step.cut.front().text == "fail") return std::nullopt;
  StepReader words(step.cut, file, line);
  Cut cut;
  cut.how = words.take("kill or power") == "power" ? Stop::power : Stop::kill;
  words.take("at");
  cut.operation = operation_number_of(words);
  if (cut.how == Stop::power) cut.kept = kept_of(words);
  words.finish();
  require_going_on(step, words);
  return cut;
}

std::optional<Mishap> mishap_of(const RawStep& step, const std::string& file, int line) {
  if (step.cut.empty() || step.cut.front().text != "fail") return std::nullopt;
  StepReader words(step.cut, file, line);
  words.take("fail");
  words.take("at");
  Mishap mishap{operation_number_of(words)};
  json options = json::object();
  words.options({"error"}, options);
  mishap.error = error_of(words, options);
  require_going_on(step, words);
  return mishap;
}

}  // namespace sim::script
