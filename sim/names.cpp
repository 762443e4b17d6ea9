// SPDX-License-Identifier: MIT
#include "sim/names.h"

#include <nlohmann/json.hpp>
#include <string_view>

namespace sim {

using nlohmann::json;

namespace {

void replace(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

void replace(json& value, std::string_view from, std::string_view to) {
  if (value.is_string()) return replace(value.get_ref<std::string&>(), from, to);
  if (!value.is_structured()) return;
  for (json& element : value) replace(element, from, to);
}

}  // namespace

std::string Names::to_real(std::string text) const {
  replace(text, placeholder, directory_);
  return text;
}

std::string Names::to_script(std::string text) const {
  replace(text, directory_, placeholder);
  return text;
}

json Names::to_real(json value) const {
  replace(value, placeholder, directory_);
  return value;
}

json Names::to_script(json value) const {
  replace(value, directory_, placeholder);
  return value;
}

}  // namespace sim
