// SPDX-License-Identifier: MIT
#include "sim/mutants/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

namespace sim::mutants {

namespace {

using nlohmann::json;

std::string row_text(const Caught& each, std::size_t width) {
  const Result& result = each.result;
  const auto& finding = result.finding;
  std::string text =
      fmt::format("{:<{}}  {:<5}  {:>7.1f}  {:>9}  {:>6}  {}", each.mutant.name, width,
                  finding ? "yes" : "NO", result.seconds, result.steps,
                  finding ? std::to_string(finding->length) : "-", finding ? finding->shown : "");
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

std::string table_text(const std::vector<Caught>& list, const std::string& title) {
  std::size_t width = title.size();
  for (const Caught& each : list) width = std::max(width, each.mutant.name.size());
  std::string text = fmt::format("{:<{}}  {:<5}  {:>7}  {:>9}  {:>6}  {}\n", title, width, "found",
                                 "seconds", "steps", "length", "what was shown");
  for (const Caught& each : list) text += row_text(each, width);
  return text + "\n";
}

double median_seconds(const std::vector<Caught>& list) {
  std::vector<double> seconds;
  for (const Caught& each : list) seconds.push_back(each.result.seconds);
  if (seconds.empty()) return 0;
  std::ranges::sort(seconds);
  const std::size_t half = seconds.size() / 2;
  return seconds.size() % 2 == 1 ? seconds[half] : (seconds[half - 1] + seconds[half]) / 2;
}

std::size_t found_in(const std::vector<Caught>& list) {
  return static_cast<std::size_t>(std::ranges::count_if(
      list, [](const Caught& each) { return each.result.finding.has_value(); }));
}

std::size_t longest_in(const std::vector<Caught>& list) {
  std::size_t longest = 0;
  for (const Caught& each : list) {
    if (each.result.finding) longest = std::max(longest, each.result.finding->length);
  }
  return longest;
}

/// What is not as it should be, each kind with the names of those that are so.
struct Blemish {
  const char* title;
  std::function<bool(const Result&)> is_so;
};

const std::vector<Blemish>& blemishes() {
  static const std::vector<Blemish> all = {
      {"survived", [](const Result& result) { return !result.finding; }},
      {"slow",
       [](const Result& result) { return result.finding && result.seconds > slow_seconds; }},
      {"long", [](const Result& r) { return r.finding && r.finding->length > most_steps; }},
      {"does not fail again", [](const Result& r) { return r.finding && !r.finding->replayed; }},
      {"fails without the fault, too",
       [](const Result& r) { return r.finding && !r.finding->fault_alone; }}};
  return all;
}

std::vector<std::string> names_of(const std::vector<Caught>& list, const Blemish& blemish) {
  std::vector<std::string> names;
  for (const Caught& each : list) {
    if (blemish.is_so(each.result)) names.push_back(each.mutant.name);
  }
  return names;
}

std::string blemishes_text(const std::vector<Caught>& list) {
  std::string text;
  for (const Blemish& blemish : blemishes()) {
    const std::vector<std::string> names = names_of(list, blemish);
    if (names.empty()) continue;
    text += std::string(blemish.title) + ":";
    for (const std::string& name : names) text += " " + name;
    text += "\n";
  }
  return text;
}

json to_json(const Caught& each) {
  const Result& result = each.result;
  json entry{{"name", each.mutant.name},
             {"search", each.mutant.search},
             {"found", result.finding.has_value()},
             {"seconds", result.seconds},
             {"steps", result.steps}};
  if (!result.finding) return entry;
  entry["length"] = result.finding->length;
  entry["scenario"] = result.finding->scenario;
  entry["shown"] = result.finding->shown;
  entry["replayed"] = result.finding->replayed;
  entry["fault-alone"] = result.finding->fault_alone;
  return entry;
}

json to_json(const std::vector<Caught>& list) {
  json all = json::array();
  for (const Caught& each : list) all.push_back(to_json(each));
  return all;
}

}  // namespace

std::string recall_text(const Recall& recall) {
  const std::vector<Caught>& all = recall.mutants;
  std::string text = table_text(all, "mutant") + table_text(recall.controls, "without a fault");
  text += blemishes_text(all);
  text +=
      fmt::format("found {} of {}, median {:.1f} s, longest scenario {} steps; without a fault ",
                  found_in(all), all.size(), median_seconds(all), longest_in(all));
  const std::size_t wrong = found_in(recall.controls);
  return text +
         (wrong == 0 ? "none\n" : fmt::format("{} of {} FOUND\n", wrong, recall.controls.size()));
}

json recall_json(const Recall& recall) {
  json report{{"mutants", to_json(recall.mutants)},
              {"controls", to_json(recall.controls)},
              {"found", found_in(recall.mutants)},
              {"of", recall.mutants.size()},
              {"median-seconds", median_seconds(recall.mutants)},
              {"longest", longest_in(recall.mutants)},
              {"complete", recall.complete()}};
  for (const Blemish& blemish : blemishes())
    report[blemish.title] = names_of(recall.mutants, blemish);
  return report;
}

}  // namespace sim::mutants
