// SPDX-License-Identifier: MIT
#include "sim/fuzz/statistics.h"

#include <cctype>
#include <nlohmann/json.hpp>

namespace sim::fuzz {

using nlohmann::json;

namespace {

/// The first word of a step, which says what it is.
std::string verb_of(const Step& step) {
  const std::size_t blank = step.text.find(' ');
  const std::string first = step.text.substr(0, blank);
  if (first != "show" && first != "io") return first;
  const auto* io = std::get_if<IoStep>(&step.action);
  const std::string rest = io != nullptr ? io->command : step.text.substr(blank + 1);
  return first + " " + rest.substr(0, rest.find(' '));
}

void note_job_states(const json& value, Statistics::Counts& states) {
  if (value.is_array()) {
    for (const json& each : value) note_job_states(each, states);
  }
  if (!value.is_object() || !value.contains("status")) return;
  if (value["status"].is_string()) ++states[value["status"].get<std::string>()];
}

void add_counts(Statistics::Counts& to, const Statistics::Counts& from) {
  for (const auto& [name, count] : from) to[name] += count;
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
  const std::string verb = verb_of(step);
  const bool wait = std::holds_alternative<WaitStep>(step.action);
  const bool io = std::holds_alternative<IoStep>(step.action);
  if (answer.is_object() && answer.contains("error")) {
    ++refused[verb];
    const json& text = answer["error"]["desc"];
    if (text.is_string()) ++refusals[generalised(text)];
  } else if (io && answer.is_string() && !answer.get_ref<const std::string&>().empty()) {
    ++refused[verb];
    ++refusals[generalised(answer)];
  } else {
    ++done[verb];
  }
  if (wait && !answer.is_null()) ++events[std::get<WaitStep>(step.action).event];
  if (answer.is_object() && answer.contains("return")) {
    note_job_states(answer["return"], job_states);
  }
}

void Statistics::add(const Statistics& other) {
  runs += other.runs;
  steps += other.steps;
  add_counts(done, other.done);
  add_counts(refused, other.refused);
  add_counts(refusals, other.refusals);
  add_counts(events, other.events);
  add_counts(job_states, other.job_states);
}

json to_json(const Statistics& statistics) {
  return {{"runs", statistics.runs},
          {"steps", statistics.steps},
          {"done", statistics.done},
          {"refused", statistics.refused},
          {"refusals", statistics.refusals},
          {"events", statistics.events},
          {"job-states", statistics.job_states}};
}

Statistics statistics_from(const json& counted) {
  Statistics statistics;
  counted.at("runs").get_to(statistics.runs);
  counted.at("steps").get_to(statistics.steps);
  counted.at("done").get_to(statistics.done);
  counted.at("refused").get_to(statistics.refused);
  counted.at("refusals").get_to(statistics.refusals);
  counted.at("events").get_to(statistics.events);
  counted.at("job-states").get_to(statistics.job_states);
  return statistics;
}

}  // namespace sim::fuzz
