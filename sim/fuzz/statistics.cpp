// SPDX-License-Identifier: MIT
#include "sim/fuzz/statistics.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "sim/allowed.h"
#include "sim/ensure.h"
#include "sim/fuzz/refusals.h"

namespace sim::fuzz {

using nlohmann::json;

namespace {

/// All counts, and what they are called in JSON.
constexpr std::pair<const char*, Statistics::Counts Statistics::*> all_counts[] = {
    {"done", &Statistics::done},
    {"refused", &Statistics::refused},
    {"refusals", &Statistics::refusals},
    {"unlisted-refusals", &Statistics::unlisted},
    {"events", &Statistics::events},
    {"job-states", &Statistics::job_states},
    {"not-judged", &Statistics::not_judged},
    {"seen", &Statistics::seen}};

/// What a step is: its command, or its verb with what it is about.
std::string kind_of(const Step& step) {
  if (step.cut) return step.cut->how == Stop::power ? "power at" : "kill at";
  if (step.mishap) return "fail at";
  if (const auto* qmp = std::get_if<QmpStep>(&step.action)) {
    const json& command = qmp->request["execute"];
    return command.is_string() ? command.get<std::string>() : "a request that is none";
  }
  const std::size_t blank = step.text.find(' ');
  const std::string verb = step.text.substr(0, blank);
  if (const auto* damage = std::get_if<DamageStep>(&step.action)) return verb + " " + damage->what;
  if (const auto* fail = std::get_if<FailStep>(&step.action)) {
    return verb + " " + (fail->fault ? to_string(fail->fault->operation) : "off");
  }
  if (verb != "show" && verb != "io") return verb;
  const auto* io = std::get_if<IoStep>(&step.action);
  const std::string rest = io != nullptr ? io->command : step.text.substr(blank + 1);
  return verb + " " + rest.substr(0, rest.find(' '));
}

/// Looks at an answer, and at all that is in it.
class Notes {
 public:
  Notes(const Step& step, Statistics& statistics) : step_(step), statistics_(statistics) {}

  void note(const json& value) {
    if (Allowed(value).kind() != Allowed::Kind::exactly) ++statistics_.seen["bounds"];
    if (value.is_array()) {
      for (const json& each : value) note(each);
    } else if (value.is_object()) {
      for (const auto& [key, each] : value.items()) note_member(key, each);
    }
  }

  void refusal(const std::string& text) {
    bool listed = false;
    for (const Refusal& each : refusals()) {
      if (!step_.text.starts_with(each.of) || !fits(each.text, text)) continue;
      ++statistics_.refusals[each.name()];
      listed = true;
    }
    if (!listed) ++statistics_.unlisted[generalised(text)];
    const std::size_t state = text.find(in_state);
    if (state == std::string::npos) return;
    const std::string rest = text.substr(state + in_state.size());
    ++statistics_.job_states[rest.substr(0, rest.find('\''))];
  }

 private:
  static constexpr std::string_view in_state = "' in state '";

  void note_member(const std::string& key, const json& value) {
    if (!value.is_string()) {
      if (key == "inconsistent" && value == true) ++statistics_.seen["inconsistent"];
      if (key == "recording" && value == false) ++statistics_.seen["disabled"];
      if (key == "ro" && value == true) ++statistics_.seen["read-only"];
      return note(value);
    }
    const std::string& text = value.get_ref<const std::string&>();
    if (key == "status") ++statistics_.job_states[text];
    if (key == "error" && !text.empty()) refusal(text);
    if (key == "drv") ++statistics_.seen[text];
    if (key == "io-status") ++statistics_.seen["io-status " + text];
    if (text.starts_with("json:")) ++statistics_.seen["described file"];
  }

  const Step& step_;
  Statistics& statistics_;
};

/// Why a step was refused; empty if it was not.
std::string refusal_in(const Step& step, const json& answer) {
  if (answer.is_object() && answer.contains("error") && answer["error"].is_object()) {
    const json& text = answer["error"]["desc"];
    return text.is_string() ? text.get<std::string>() : "something";
  }
  const bool io = std::holds_alternative<IoStep>(step.action);
  return io && answer.is_string() ? answer.get<std::string>() : "";
}

}  // namespace

std::string generalised(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = std::isdigit(static_cast<unsigned char>(text[i])) != 0;
    const std::size_t close = text[i] == '\'' ? text.find('\'', i + 1) : std::string::npos;
    if (close != std::string::npos && close - i < 64) {
      result += "'X'";
      i = close;
    } else if (!digit) {
      result += text[i];
    } else if (result.empty() || result.back() != 'N') {
      result += 'N';
    }
  }
  return result;
}

void Statistics::note(const Step& step, const json& answer) {
  ++steps;
  const std::string unknown = Allowed(answer).why();
  if (!unknown.empty()) ++not_judged[unknown];
  Notes notes(step, *this);
  const std::string why = refusal_in(step, answer);
  if (!why.empty()) {
    ++refused[kind_of(step)];
    return notes.refusal(why);
  }
  ++done[kind_of(step)];
  if (std::holds_alternative<ForeignStep>(step.action)) {
    for (const std::string& key : foreign::keys()) {
      if (step.text.find(" " + key + "=") != std::string::npos) ++done["foreign " + key];
    }
  }
  if (const auto* wait = std::get_if<WaitStep>(&step.action)) {
    if (!answer.is_null()) ++events[wait->event];
  }
  notes.note(answer);
}

void Statistics::add(const Statistics& other) {
  runs += other.runs;
  steps += other.steps;
  for (const auto& [name, counts] : all_counts) {
    for (const auto& [key, count] : other.*counts) (this->*counts)[key] += count;
  }
}

const Statistics::Counts& counts_of(const Statistics& statistics, std::string_view name) {
  const auto found = std::ranges::find(
      all_counts, name, [](const auto& each) { return std::string_view(each.first); });
  ENSURE(found != std::end(all_counts));
  return statistics.*found->second;
}

json to_json(const Statistics& statistics) {
  json counted{{"runs", statistics.runs}, {"steps", statistics.steps}};
  for (const auto& [name, counts] : all_counts) counted[name] = statistics.*counts;
  return counted;
}

Statistics statistics_from(const json& counted) {
  Statistics statistics;
  counted.at("runs").get_to(statistics.runs);
  counted.at("steps").get_to(statistics.steps);
  for (const auto& [name, counts] : all_counts) counted.at(name).get_to(statistics.*counts);
  return statistics;
}

}  // namespace sim::fuzz
