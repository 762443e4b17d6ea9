// SPDX-License-Identifier: MIT
#include "sim/script/modelled.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

namespace sim::script {

using nlohmann::json;

namespace {

/// Whether `word` is one of `list`, which blanks part.
bool is_listed(std::string_view list, std::string_view word) {
  if (word.empty() || word.find(' ') != std::string_view::npos) return false;
  for (std::size_t at = list.find(word); at != std::string_view::npos;
       at = list.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool starts = at == 0 || list[at - 1] == ' ';
    if (starts && (end == list.size() || list[end] == ' ')) return true;
  }
  return false;
}

const Form* form_called(std::span<const Form> forms, std::string_view name) {
  const auto found = std::ranges::find(forms, name, &Form::name);
  return found == forms.end() ? nullptr : &*found;
}

/// A string member, empty if there is none.
std::string string_member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

/// What the options of a node, or of one below it, ask for.
std::string unmodelled_in_node(const json& options) {
  const std::string driver = string_member(options, "driver");
  const Form* form = driver.empty() ? nullptr : form_called(modelled_drivers(), driver);
  if (form == nullptr && is_listed(unmodelled_drivers(), driver))
    return "driver " + in_quotes(driver);
  for (const auto& [key, value] : options.items()) {
    const bool elsewhere = is_listed(modelled_drivers().front().elsewhere, key) ||
                           (form != nullptr && is_listed(form->elsewhere, key));
    if (elsewhere) return "option " + in_quotes(key) + " of blockdev-add";
    if (!value.is_object()) continue;
    if (std::string inside = unmodelled_in_node(value); !inside.empty()) return inside;
  }
  return "";
}

/// The commands of a vendor are QEMU's as well.
bool is_elsewhere(const std::string& command) {
  return command.starts_with("__") || is_listed(unmodelled_commands(), command);
}

std::string unmodelled_argument(const Form& command, const json& arguments) {
  for (const auto& [key, value] : arguments.items()) {
    if (!is_listed(command.elsewhere, key)) continue;
    return "argument " + in_quotes(key) + " of " + std::string(command.name);
  }
  const std::string format = string_member(arguments, "format");
  const bool opened = string_member(arguments, "mode") == "existing";
  return opened && format == "file" ? "" : unmodelled_format(format);
}

/// Adds a line for each, cut where it gets too long.
void add_forms(std::span<const Form> forms, const std::string& dash, std::string& text) {
  constexpr std::size_t most = 96;
  for (const Form& form : forms) {
    std::string line = "  " + std::string(form.name.empty() ? "(all)" : form.name);
    std::istringstream words{std::string(form.arguments)};
    for (std::string word; words >> word;) {
      if (line.size() + word.size() > most) {
        text += line + "\n";
        line = "     ";
      }
      line += " " + dash + word;
    }
    text += line + "\n";
  }
}

}  // namespace

std::vector<Parameter> parameters_of(std::string_view arguments) {
  std::vector<Parameter> parameters;
  std::istringstream words{std::string(arguments)};
  for (std::string word; words >> word;) {
    const bool optional = word.front() == '[';
    if (optional) word = word.substr(1, word.size() - 2);
    const std::size_t colon = word.find(':');
    const bool typed = colon != std::string::npos;
    parameters.push_back(
        {word.substr(0, colon), typed ? word.substr(colon + 1) : "string", optional});
  }
  return parameters;
}

std::string unmodelled_in(const json& request) {
  if (request.contains("exec-oob")) return "member 'exec-oob'";
  const std::string name = string_member(request, "execute");
  const Form* command = form_called(modelled_commands(), name);
  if (command == nullptr) return is_elsewhere(name) ? "command " + in_quotes(name) : "";
  const auto arguments = request.find("arguments");
  if (arguments == request.end() || !arguments->is_object()) return "";
  if (name == "blockdev-add") return unmodelled_in_node(*arguments);
  return unmodelled_argument(*command, *arguments);
}

std::string unmodelled_in_io(std::string_view line) {
  std::istringstream words{std::string(line)};
  std::string name;
  words >> name;
  const Form* command = form_called(modelled_io(), name);
  if (command == nullptr)
    return is_listed(unmodelled_io(), name) ? "io command " + in_quotes(name) : "";
  for (std::string word; words >> word;) {
    if (word.front() != '-') continue;
    for (std::size_t i = 1; i < word.size(); ++i) {
      if (!is_listed(command->arguments, word.substr(i, 1))) {
        return "option -" + word.substr(i, 1) + " of io " + name;
      }
      if (word[i] != 'P') continue;
      if (i + 1 == word.size()) words >> word;  // its value
      break;
    }
  }
  return "";
}

std::string unmodelled_format(std::string_view format) {
  const bool elsewhere = is_listed(unmodelled_drivers(), format) || format == "file";
  return elsewhere ? "format " + in_quotes(format) : "";
}

std::string unmodelled_event(std::string_view event) {
  return is_listed(unmodelled_events(), event) ? "event " + in_quotes(event) : "";
}

std::string modelled_text() {
  std::string text = "QMP commands, [arguments] that may be left out, :types other than string\n";
  add_forms(modelled_commands(), "", text);
  text += "drivers of blockdev-add, with their options\n";
  add_forms(modelled_drivers(), "", text);
  text += "formats of images\n ";
  for (const std::string_view format : modelled_formats()) text += " " + std::string(format);
  text += "\nevents to wait for\n ";
  for (const std::string_view event : modelled_events()) text += " " + std::string(event);
  text += "\ncommands of qemu-io, with their options\n";
  add_forms(modelled_io(), "-", text);
  return text;
}

}  // namespace sim::script
