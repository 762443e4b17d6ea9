// SPDX-License-Identifier: MIT
#include "sim/export/iotest_steps.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "sim/allowed.h"
#include "sim/hmp.h"
#include "sim/render.h"
#include "sim/runs.h"
#include "sim/verdict.h"

namespace sim::exporting {

using nlohmann::json;

namespace {

/// Columns that a line inside a function may have.
constexpr std::size_t widest = 71;

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

bool is_error(const json& value) { return value.is_object() && value.contains("error"); }

void require_exact(const json& value) {
  if (Allowed(value).exact()) return;
  refuse("the model allows more than one answer here, and an expected output can hold only one");
}

/// iotests.py writes '-' for '_' in the names of arguments, and keeps some for itself.
void require_sayable(const json& value) {
  if (!value.is_structured()) return;
  if (value.is_object()) {
    for (const auto& [key, each] : value.items()) {
      const bool kept = key == "cmd" || key == "command" || key == "filters" || key == "indent" ||
                        key == "vm" || key == "self";
      if (kept || key.find('_') != std::string::npos) {
        refuse("iotests.py cannot send an argument named '" + key + "'");
      }
    }
  }
  for (const json& each : value) require_sayable(each);
}

bool is_identifier(const std::string& text) {
  return !text.empty() && !std::isdigit(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
         });
}

bool queries_nodes(const std::string& command) {
  return command == "query-block" || command == "query-named-block-nodes";
}

}  // namespace

std::vector<std::string> comment_lines(const std::string& text, std::size_t width) {
  std::istringstream words(text);
  std::vector<std::string> lines;
  for (std::string word; words >> word;) {
    if (lines.empty() || lines.back().size() + 1 + word.size() > width) lines.emplace_back("#");
    lines.back() += " " + word;
  }
  if (lines.empty()) lines.emplace_back("#");
  return lines;
}

/// Writes one kind of step each.
struct IotestSteps::Writer {
  IotestSteps& to;
  const Step& step;
  const json& allowed;

  std::string value(const std::string& text) const { return to.names_.expression(text); }

  void operator()(const QmpStep& qmp) const {
    const json& request = qmp.request;
    const json arguments = request.value("arguments", json::object());
    const bool plain = request["execute"].is_string() && arguments.is_object() &&
                       request.size() == (request.contains("arguments") ? 2u : 1u);
    if (!plain) refuse("iotests.py sends only a command with arguments");
    require_sayable(arguments);
    const std::string command = request["execute"];
    to.need_machine();
    std::vector<std::string> words{"vm", python_string(command)};
    for (const auto& [key, each] : arguments.items()) words.push_back(keyword(key, each));
    to.call(queries_nodes(command) ? "query" : "qmp", words);
    to.expected_ += render(as_logged(request, command, arguments), allowed);
    if (command == "quit" && !is_error(allowed)) to.end_machine("");
  }
  /// iotests.py logs "arguments" also where there are none; our query() never does then.
  Step as_logged(json request, const std::string& command, const json& arguments) const {
    if (arguments.empty() && queries_nodes(command)) {
      request.erase("arguments");
    } else {
      request["arguments"] = arguments;
    }
    return {step.line, step.text, QmpStep{std::move(request)}};
  }
  std::string keyword(const std::string& key, const json& each) const {
    std::string name = key;
    std::replace(name.begin(), name.end(), '-', '_');
    if (is_identifier(name)) return name + "=" + to.names_.expression(each);
    return "**{" + python_string(key) + ": " + to.names_.expression(each) + "}";
  }

  void operator()(const WaitStep& wait) const {
    to.need_machine();
    to.call(allowed.is_null() ? "wait_in_vain" : "wait", {"vm", python_string(wait.event)});
    to.expected_ += render(step, allowed);
  }

  void operator()(const CreateStep& create) const {
    const json& options = create.options;
    std::vector<std::string> words{value(options["file"])};
    words.push_back(python_string(options.value("size", "")));
    for (const char* key :
         {"format", "cluster_size", "compat", "refcount_bits", "backing_file", "backing_fmt"}) {
      if (!options.contains(key)) continue;
      words.push_back(std::string(key) + "=" + value(options[key]));
    }
    to.call("create", words);
    to.expected_ += render(step, allowed);
  }

  void operator()(const DriveStep& drive) const { human(hmp::drive_line(drive.options)); }
  void operator()(const UnplugStep& unplug) const { human("drive_del " + unplug.id); }
  void human(const std::string& line) const {
    to.need_machine();
    to.call("hmp", {"vm", value(line)});
    to.expected_ += render(step, allowed);
  }

  void operator()(const IoStep& io) const {
    if (io.command.find('"') != std::string::npos) refuse("qemu-io commands may hold no quotes");
    to.need_machine();
    to.call("io", {"vm", python_string(io.node), value(io.command)});
    std::istringstream lines(allowed.get<std::string>());
    // What the monitor itself refuses is its answer; qemu-io prints to QEMU's own output.
    for (std::string line; std::getline(lines, line);) {
      const bool refused = line.starts_with("Error: ") || line == "Block node is read-only";
      (refused ? to.expected_ : to.console_) += line + "\n";
    }
  }

  void operator()(const StopStep& stop) const {
    if (stop.how == Stop::power) refuse("iotests cannot cut the power");
    to.end_machine(stop.how == Stop::kill ? "kill" : "shutdown");
    to.line("log(" + python_string(stop.how == Stop::kill ? "... Kill ..." : "... Restart ...") +
            ")");
    to.expected_ += render(step, allowed);
  }
  void operator()(const SettleStep&) const {
    to.need_machine();
    to.call("settle", {"vm"});
  }
  void operator()(const RunStep&) const {}
  void operator()(const ScheduleStep&) const {}
  template <class Other>
  void operator()(const Other&) const {
    refuse("iotests have no such step");
  }
  void operator()(const PrintStep& print) const {
    to.line("log(" + python_string(print.text) + ")");
    to.expected_ += render(step, allowed);
  }

  void operator()(const ShowStep& show) const {
    const std::string label = python_string(show.label);
    const std::string target = value(show.target);
    switch (show.sight) {
      case Sight::bitmap:
        to.need_machine();
        to.call("show_bitmap", {"vm", target, python_string(show.bitmap), label});
        break;
      case Sight::bitmaps:
        to.need_machine();
        to.call("show_bitmaps", {"vm", target, label});
        break;
      case Sight::dirty:
        return dirty(show, label);
      case Sight::data:
        return data(show);
      case Sight::info:
        if (is_error(allowed)) refuse("the image cannot be opened here");
        to.call("show_info", {target, label});
        break;
      case Sight::check:
        if (is_error(allowed)) refuse("the image cannot be opened here");
        to.call("show_check", {target, label, allowed["leaks"].is_number() ? "False" : "True"});
        break;
      case Sight::keepsakes:
        refuse("iotests have no such step");
    }
    to.expected_ += render(step, allowed);
  }

  /// QEMU tells how bits hash, not which they are.
  void dirty(const ShowStep& show, const std::string& label) const {
    to.need_machine();
    if (is_error(allowed)) {
      to.expected_ += render(step, allowed);
    } else {
      require_exact(allowed.at("sha256"));
      const std::string runs = render(step, allowed);
      to.comment(" " + runs.substr(0, runs.find('\n')));
      to.expected_ += show.label + ": sha256=" + allowed["sha256"].get<std::string>() + "\n";
    }
    to.call("show_dirty", {"vm", value(show.target), python_string(show.bitmap), label});
  }

  /// Each run of equal bytes is read with its pattern; what does not match is printed.
  void data(const ShowStep& show) const {
    to.need_machine();
    if (is_error(allowed)) refuse("there is no such node here");
    std::string runs;
    for (const json& run : allowed) {
      if (run[2].size() != 1) require_exact(Allowed::any("a byte"));
      runs += (runs.empty() ? "(" : ", (") + run[0].dump() + ", " + run[1].dump() + ", " +
              byte_text(run[2][0].get<unsigned>()) + ")";
    }
    to.call("check_data", {"vm", value(show.target), "[" + runs + "]"});
    to.line("log(" + python_string(show.label + ": data checked") + ")");
    to.expected_ += show.label + ": data checked\n";
  }
};

void IotestSteps::comment(const std::string& text) {
  for (const std::string& each : comment_lines(text, widest)) line(each);
}

void IotestSteps::add(const Step& step, const json& allowed) {
  const auto* show = std::get_if<ShowStep>(&step.action);
  const bool sets_of_its_own =
      show != nullptr &&
      (show->sight == Sight::dirty || show->sight == Sight::data || show->sight == Sight::check);
  if (!sets_of_its_own) require_exact(allowed);
  if (step.mishap) refuse("iotests cannot fail one storage operation of a step");
  if (step.cut) refuse("iotests cannot cut a step short");
  std::visit(Writer{*this, step, allowed}, step.action);
}

void IotestSteps::finish() { end_machine("shutdown"); }

void IotestSteps::line(const std::string& text) { lines_.push_back(text); }

void IotestSteps::call(const std::string& helper, const std::vector<std::string>& arguments) {
  helpers_.insert(helper);
  std::string text = helper + "(";
  const std::string indent(text.size(), ' ');
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string word = arguments[i] + (i + 1 == arguments.size() ? ")" : ",");
    const bool first = text.back() == '(' || text == indent;
    if (!first && text.size() + 1 + word.size() > widest) {
      line(text);
      text = indent + word;
    } else {
      text += (first ? "" : " ") + word;
    }
  }
  line(text);
}

void IotestSteps::need_machine() {
  if (runs_) return;
  line("vm.launch()");
  runs_ = true;
}

void IotestSteps::end_machine(const std::string& how) {
  if (!runs_) return;
  helpers_.insert("end");
  line(how.empty() ? "end(vm, vm.wait)" : "end(vm, vm." + how + ")");
  expected_ += console_;
  console_.clear();
  runs_ = false;
}

}  // namespace sim::exporting
