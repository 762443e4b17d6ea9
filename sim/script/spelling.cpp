// SPDX-License-Identifier: MIT
#include "sim/script/spelling.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <sstream>

#include "sim/script/modelled.h"
#include "sim/script/script.h"
#include "sim/script/suggestion.h"

namespace sim::script {

using nlohmann::json;

namespace {

std::size_t digits_at(std::string_view text, std::size_t at, bool hex) {
  const std::size_t start = at;
  while (at < text.size()) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (hex ? std::isxdigit(c) == 0 : std::isdigit(c) == 0) break;
    ++at;
  }
  return at - start;
}

/// How many characters of `text` are a number, whole or not.
std::size_t number_at_start(std::string_view text) {
  std::size_t at = text.starts_with('+') ? 1 : 0;
  const bool hex = text.substr(at).starts_with("0x") || text.substr(at).starts_with("0X");
  if (hex) at += 2;
  const std::size_t digits = digits_at(text, at, hex);
  if (digits == 0) return 0;
  at += digits;
  if (!hex && at < text.size() && text[at] == '.') at += 1 + digits_at(text, at + 1, false);
  return at;
}

/// `64K` for 64KB, 64kib or 64k; empty if it does not look like a size.
std::string meant_size(std::string_view text) {
  const std::size_t end = number_at_start(text);
  if (end == 0) return "";
  const std::string_view unit = text.substr(end);
  if (unit.empty()) return std::string(text);
  const bool known = std::string_view("bkmgtpe").find(static_cast<char>(std::tolower(
                         static_cast<unsigned char>(unit[0])))) != std::string_view::npos;
  const std::string_view rest = unit.substr(1);
  if (!known || !(rest.empty() || rest == "B" || rest == "b" || rest == "iB" || rest == "ib")) {
    return "";
  }
  return std::string(text.substr(0, end + 1));
}

/// The words that an argument of a type may be.
const std::map<std::string, std::vector<std::string>> vocabularies = {
    {"on-error", {"report", "ignore", "enospc", "stop", "auto"}},
    {"mode", {"existing", "absolute-paths"}},
    {"discard", {"ignore", "off", "unmap", "on"}},
};

/// Looks at one step.
class Speller {
 public:
  Speller(const Step& step, const std::string& file) : step_(step), file_(file) {}

  void operator()(const QmpStep& step) const {
    const auto name = step.request.find("execute");
    if (!unwanted() || !name->is_string()) return;
    const Form* command = form(modelled_commands(), name->get<std::string>());
    if (command == nullptr) unknown("a command of QMP", *name, names(modelled_commands()));
    const auto arguments = step.request.find("arguments");
    if (arguments == step.request.end() || !arguments->is_object()) return;
    if (command->name == "blockdev-add") return node(*arguments);
    members(*arguments, parameters_of(command->arguments), std::string(command->name));
  }
  void operator()(const IoStep& step) const {
    std::istringstream words(step.command);
    std::string name;
    words >> name;
    if (!unwanted()) return;
    const Form* command = form(modelled_io(), name);
    if (command == nullptr) unknown("a command of qemu-io", name, names(modelled_io()));
    for (std::string word; words >> word;) {
      if (word.front() != '-') size(word);
      if (word.front() == '-' && word.back() == 'P') words >> word;  // its value
    }
  }
  void operator()(const CreateStep& step) const {
    if (!unwanted()) return;
    size(step.options.at("size").get<std::string>());
    if (step.options.contains("cluster_size")) size(step.options["cluster_size"]);
    format(step.options.value("format", "qcow2"));
  }
  void operator()(const DriveStep& step) const {
    if (unwanted()) format(step.options.value("format", "qcow2"));
  }
  void operator()(const WaitStep& step) const {
    cannot_be_refused();
    const std::vector<std::string> all(modelled_events().begin(), modelled_events().end());
    if (std::ranges::find(all, step.event) == all.end()) unknown("an event", step.event, all);
  }
  void operator()(const StopStep&) const { cannot_be_refused(); }
  void operator()(const RunStep&) const { cannot_be_refused(); }
  void operator()(const SettleStep&) const { cannot_be_refused(); }
  void operator()(const ScheduleStep&) const { cannot_be_refused(); }
  void operator()(const FailStep&) const { cannot_be_refused(); }
  void operator()(const PrintStep&) const { cannot_be_refused(); }
  template <class Other>
  void operator()(const Other&) const {}

 private:
  bool unwanted() const { return step_.refusal == Refusal::unwanted; }
  void cannot_be_refused() const {
    if (step_.refusal != Refusal::wanted) return;
    refuse("a step that can be refused after refused:", "'" + step_.text + "'");
  }
  [[noreturn]] void refuse(const std::string& expected, const std::string& found) const {
    fail(file_, step_.line, expected, found);
  }
  [[noreturn]] void unknown(const std::string& expected, const std::string& name,
                            const std::vector<std::string>& all) const {
    refuse(expected, "'" + name + "'" + did_you_mean(name, all));
  }

  static const Form* form(std::span<const Form> forms, const std::string& name) {
    const auto found = std::ranges::find(forms, std::string_view(name), &Form::name);
    return found == forms.end() ? nullptr : &*found;
  }
  static std::vector<std::string> names(std::span<const Form> forms) {
    std::vector<std::string> names;
    for (const Form& each : forms) {
      if (!each.name.empty()) names.emplace_back(each.name);
    }
    return names;
  }

  void members(const json& object, const std::vector<Parameter>& known,
               const std::string& whose) const {
    std::vector<std::string> all;
    for (const Parameter& each : known) all.push_back(each.name);
    for (const auto& [key, value] : object.items()) {
      const auto found = std::ranges::find(known, key, &Parameter::name);
      if (found == known.end()) unknown("an argument of " + whose, key, all);
      check_type(*found, value);
    }
  }
  /// The options of blockdev-add, also of nodes below it.
  void node(const json& options) const {
    const std::string driver =
        options.contains("driver") && options["driver"].is_string() ? options["driver"] : "";
    const Form* own = form(modelled_drivers(), driver);
    if (driver.empty()) refuse("a driver for blockdev-add", "none");
    if (own == nullptr) unknown("a driver of blockdev-add", driver, names(modelled_drivers()));
    std::vector<Parameter> known = parameters_of(modelled_drivers().front().arguments);
    std::ranges::copy(parameters_of(own->arguments), std::back_inserter(known));
    members(options, known, "driver " + driver);
    for (const auto& [key, value] : options.items()) {
      if (value.is_object()) node(value);
    }
  }
  void check_type(const Parameter& parameter, const json& value) const {
    if (!value.is_string()) return;
    const std::string text = value;
    const std::string found = "'" + text + "'";
    const auto one_of = [&](std::initializer_list<const char*> words) {
      return std::ranges::find(words, text) != words.end();
    };
    if (parameter.type == "boolean") {
      const char* meant = one_of({"yes", "on", "True", "TRUE"})     ? "true"
                          : one_of({"no", "off", "False", "FALSE"}) ? "false"
                                                                    : nullptr;
      const std::string hint = meant ? std::string("; did you mean '") + meant + "'?" : "";
      refuse("true or false for " + parameter.name, found + hint);
    }
    for (const auto& [type, words] : vocabularies) {
      if (parameter.type == type) known_word(text, words, "a value of " + parameter.name);
    }
    if (parameter.type == "integer" || parameter.type == "uint32") {
      refuse("a number of digits for " + parameter.name, found);
    }
  }
  void known_word(const std::string& word, const std::vector<std::string>& all,
                  const std::string& what) const {
    if (std::ranges::find(all, word) == all.end()) unknown(what, word, all);
  }
  void format(const std::string& name) const {
    known_word(name, {modelled_formats().begin(), modelled_formats().end()}, "a format of images");
  }
  void size(const std::string& text) const {
    const std::string meant = meant_size(text);
    if (meant == text) return;
    refuse("a size such as 512, 64K or 1.5M",
           "'" + text + "'" + (meant.empty() ? "" : "; did you mean '" + meant + "'?"));
  }

  const Step& step_;
  const std::string& file_;
};

}  // namespace

void check_spelling(const Step& step, const std::string& file) {
  std::visit(Speller(step, file), step.action);
}

}  // namespace sim::script
