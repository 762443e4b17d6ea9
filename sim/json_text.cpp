// SPDX-License-Identifier: MIT
#include "sim/json_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/allowed.h"

namespace sim {

using nlohmann::json;

namespace {

void append(const json& value, std::string& text);

void append_string(const json& value, std::string& text) {
  text += value.dump(-1, ' ', true, json::error_handler_t::replace);
}

void append_member(const std::string& key, const json& value, std::string& text) {
  append_string(key, text);
  text += ": ";
  append(value, text);
}

void append_object(const json& object, std::string& text) {
  text.push_back('{');
  bool first = true;
  for (const auto& [key, value] : object.items()) {
    if (!first) text += ", ";
    first = false;
    append_member(key, value, text);
  }
  text.push_back('}');
}

void append_array(const json& array, std::string& text) {
  text.push_back('[');
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (i > 0) text += ", ";
    append(array[i], text);
  }
  text.push_back(']');
}

void append(const json& value, std::string& text) {
  if (Allowed(value).kind() != Allowed::Kind::exactly) {
    append_string(plain_text(value), text);
  } else if (value.is_object()) {
    append_object(value, text);
  } else if (value.is_array()) {
    append_array(value, text);
  } else {
    append_string(value, text);
  }
}

std::string set_text(const Allowed& set) {
  if (set.anything()) return "any";
  if (set.kind() == Allowed::Kind::between)
    return plain_text(set.least()) + ".." + plain_text(set.most());
  std::string text;
  for (const Allowed& each : set.alternatives())
    text += (text.empty() ? "" : "|") + plain_text(each.said());
  return text;
}

}  // namespace

std::string json_text(const json& value) {
  std::string text;
  append(value, text);
  return text;
}

std::string request_text(const json& request) {
  std::string text = "{";
  const auto member = [&](const std::string& key) {
    if (!request.contains(key)) return;
    if (text.size() > 1) text += ", ";
    append_member(key, request[key], text);
  };
  member("execute");
  member("arguments");
  for (const auto& [key, value] : request.items()) {
    if (key != "execute" && key != "arguments") member(key);
  }
  return text + "}";
}

std::string plain_text(const json& value) {
  const Allowed here(value);
  if (here.kind() != Allowed::Kind::exactly) return set_text(here);
  return value.is_string() ? value.get<std::string>() : json_text(value);
}

}  // namespace sim
