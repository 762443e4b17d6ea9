// SPDX-License-Identifier: MIT
#include "sim/export/python_names.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "sim/ensure.h"

namespace sim::exporting {

using nlohmann::json;

namespace {

constexpr std::string_view folder = "TEST_DIR";
constexpr std::string_view prefix = "TEST_DIR/PID-";

bool is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
}

std::string image_at(const std::string& text, std::size_t at) {
  std::size_t end = at + prefix.size();
  while (end < text.size() && is_name(text[end])) ++end;
  return text.substr(at + prefix.size(), end - at - prefix.size());
}

std::string escaped(const std::string& text, bool in_f_string) {
  constexpr char digits[] = "0123456789abcdef";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\'' || c == '\\') {
      result += {'\\', c};
    } else if (c == '\n') {
      result += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      result += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    } else if (in_f_string && (c == '{' || c == '}')) {
      result += {c, c};
    } else {
      result.push_back(c);
    }
  }
  return result;
}

}  // namespace

std::string python_string(const std::string& text) { return "'" + escaped(text, false) + "'"; }

void PythonNames::learn(const std::string& text) {
  for (std::size_t at = text.find(prefix); at != std::string::npos;
       at = text.find(prefix, at + 1)) {
    const std::string image = image_at(text, at);
    const auto known = [&](const auto& each) { return each.first == image; };
    if (image.empty() || std::any_of(images_.begin(), images_.end(), known)) continue;
    std::string name = image + "_img";
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
    if (std::isdigit(static_cast<unsigned char>(name[0]))) name = "img_" + name;
    const auto taken = [&](const auto& each) { return each.second == name; };
    while (std::any_of(images_.begin(), images_.end(), taken)) name += "_";
    images_.emplace_back(image, name);
  }
}

std::string PythonNames::expression(const std::string& text) const {
  for (const auto& [image, name] : images_) {
    if (text == "PID-" + image) return "os.path.basename(" + name + ")";
  }
  std::string parts;
  std::size_t done = 0, found = 0;
  for (std::size_t at = text.find(folder); at != std::string::npos; at = text.find(folder, done)) {
    const std::string image =
        text.compare(at, prefix.size(), prefix) == 0 ? image_at(text, at) : "";
    if (image.empty()) throw std::invalid_argument("files must be named TEST_DIR/PID-name");
    if (text.size() == prefix.size() + image.size()) return variable(image);
    parts += escaped(text.substr(done, at - done), true) + "{" + variable(image) + "}";
    done = at + prefix.size() + image.size();
    ++found;
  }
  if (found == 0) return python_string(text);
  return "f'" + parts + escaped(text.substr(done), true) + "'";
}

std::string PythonNames::expression(const json& value) const {
  std::string text;
  if (value.is_object()) {
    for (const auto& [key, each] : value.items()) {
      text += (text.empty() ? "" : ", ") + python_string(key) + ": " + expression(each);
    }
    return "{" + text + "}";
  }
  if (value.is_array()) {
    for (const json& each : value) text += (text.empty() ? "" : ", ") + expression(each);
    return "[" + text + "]";
  }
  if (value.is_string()) return expression(value.get_ref<const std::string&>());
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  return value.is_null() ? "None" : value.dump();
}

const std::string& PythonNames::variable(const std::string& image) const {
  const auto found = std::find_if(images_.begin(), images_.end(),
                                  [&](const auto& each) { return each.first == image; });
  ENSURE(found != images_.end());
  return found->second;
}

}  // namespace sim::exporting
