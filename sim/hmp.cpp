// SPDX-License-Identifier: MIT
#include "sim/hmp.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/option_value.h"

namespace sim::hmp {

using nlohmann::json;

namespace {

/// Takes the first line off `text`, without its line end.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  while (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// "wrote 512/512 bytes at offset 0" and the line with the speed that follows it.
bool tells_success(std::string_view line) {
  for (const std::string_view start : {"wrote ", "read ", "discard "}) {
    if (line.starts_with(start) && line.find(" bytes at offset ") != std::string_view::npos) {
      return true;
    }
  }
  return line.find(" ops; ") != std::string_view::npos;
}

/// QEMU's word of clusters that it could not give back: they are leaked, and no guest hears of it.
bool tells_of_leak(std::string_view line) {
  return line.starts_with("qcow2_free_clusters failed: ");
}

void append_trouble(std::string_view text, std::string& trouble) {
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const bool trouble_free = line.empty() || tells_success(line) || tells_of_leak(line);
    if (!trouble_free) trouble.append(line).push_back('\n');
  }
}

void append_quoted(const std::string& text, std::string& line) {
  line.reserve(line.size() + text.size() + 2);
  line.push_back('"');
  const auto is_special = [](char c) { return c == '"' || c == '\\'; };
  for (auto at = text.begin(); at != text.end();) {
    if (is_special(*at)) line.push_back('\\');
    const auto end = std::find_if(at + 1, text.end(), is_special);
    line.append(at, end);
    at = end;
  }
  line.push_back('"');
}

}  // namespace

// Member by member: of what all the requests of a random run cost, a list in braces is a part.
json request(std::string line) {
  json request;
  request["execute"] = "human-monitor-command";
  request["arguments"]["command-line"] = std::move(line);
  return request;
}

std::string io_line(const std::string& node, const std::string& command) {
  std::string line = "qemu-io " + node + " ";
  append_quoted(command, line);
  return line;
}

std::string io_trouble(std::string_view answer, std::string_view console) {
  std::string trouble;
  append_trouble(answer, trouble);
  append_trouble(console, trouble);
  if (!trouble.empty()) trouble.pop_back();
  return trouble;
}

std::string io_complaints(std::string_view errors) {
  std::string complaints;
  while (!errors.empty()) {
    const std::string_view line = take_line(errors);
    const std::string_view first = line.substr(0, line.find(' '));
    // The program tells of itself, or the format of an image that it found corrupt (M73).
    if ((first.starts_with("qemu") && first.ends_with(':')) || first == "qcow2:") continue;
    complaints.append(line).push_back('\n');
  }
  return complaints;
}

std::string drive_line(const json& options) {
  std::string list = "if=none";
  const auto add = [&](const std::string& key, const std::string& value) {
    list += "," + key + "=" + option_value(value);
  };
  add("format", options.value("format", "qcow2"));
  for (const auto& [key, value] : options.items()) {
    if (key != "format") add(key, value.get<std::string>());
  }
  std::string line = "drive_add 0 ";
  append_quoted(list, line);
  return line;
}

json drive_reply(std::string_view answer) {
  const std::string text(take_line(answer));
  if (text.empty() || text == "OK") return {{"return", json::object()}};
  return {{"error", {{"class", "GenericError"}, {"desc", text}}}};
}

}  // namespace sim::hmp
