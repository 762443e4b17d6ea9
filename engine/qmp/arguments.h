// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace engine::qmp {

/// Arguments that have passed their command's schema, taken out by name. For sources only: it
/// brings all of the JSON library along.

inline const std::string& text(const nlohmann::json& arguments, const char* name) {
  return arguments[name].get_ref<const std::string&>();
}

template <class T>
std::optional<T> optional(const nlohmann::json& arguments, const char* name) {
  const auto found = arguments.find(name);
  return found != arguments.end() ? std::optional<T>(found->get<T>()) : std::nullopt;
}

template <class T>
T value_or(const nlohmann::json& arguments, const char* name, T otherwise) {
  const auto found = arguments.find(name);
  return found != arguments.end() ? found->get<T>() : otherwise;
}

inline nlohmann::json nothing() { return nlohmann::json::object(); }

}  // namespace engine::qmp
