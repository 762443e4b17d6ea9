// SPDX-License-Identifier: MIT
#include "engine/qmp/schema.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/check.h"
#include "engine/error.h"

namespace engine::qmp {
namespace {

using nlohmann::json;

[[noreturn]] void wrong_type(const std::string& name, const std::string& expected) {
  throw Refusal("Invalid parameter type for '" + name + "', expected: " + expected);
}

[[noreturn]] void missing(const std::string& name) {
  throw Refusal("Parameter '" + name + "' is missing");
}

[[noreturn]] void unexpected(const std::string& name) {
  throw Refusal("Parameter '" + name + "' is unexpected");
}

void check_string(const std::string& name, const json& value) {
  if (!value.is_string()) wrong_type(name, "string");
}

bool fits_int64(const json& value) {
  if (value.is_number_unsigned()) {
    return value.get<std::uint64_t>() <=
           static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  }
  return value.is_number_integer();
}

void check_uint32(const std::string& name, const json& value) {
  if (!value.is_number_integer()) throw Refusal("Parameter '" + name + "' expects uint64");
  // A negative number wraps round to one that is too large, in QEMU as here.
  const bool fits = value.get<std::uint64_t>() <= std::numeric_limits<std::uint32_t>::max();
  if (!fits) throw Refusal("Parameter '" + name + "' expects uint32_t");
}

void check_enumeration(const Argument& argument, const std::string& name, const json& value) {
  check_string(name, value);
  const auto& text = value.get_ref<const std::string&>();
  if (std::ranges::find(argument.values, text) != argument.values.end()) return;
  // Without the path, in QEMU too.
  throw Refusal("Parameter '" + argument.name + "' does not accept value '" + text + "'");
}

void check_bitmap_address(const std::string& path, const json& value) {
  for (const char* member : {"node", "name"}) {
    const std::string name = path + "." + member;
    if (!value.contains(member)) missing(name);
    check_string(name, value[member]);
  }
  for (const auto& [key, ignored] : value.items()) {
    if (key != "node" && key != "name") unexpected(path + "." + key);
  }
}

void check_bitmap_list(const std::string& name, const json& value) {
  if (!value.is_array()) wrong_type(name, "array");
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i].is_string()) continue;
    // QEMU names an alternate in a list so.
    if (!value[i].is_object()) wrong_type("null", "BlockDirtyBitmapOrStr");
    check_bitmap_address(name + "[" + std::to_string(i) + "]", value[i]);
  }
}

void check_string_list(const std::string& name, const json& value) {
  if (!value.is_array()) wrong_type(name, "array");
  for (std::size_t i = 0; i < value.size(); ++i) {
    check_string(name + "[" + std::to_string(i) + "]", value[i]);
  }
}

void check_value(const Argument& argument, const std::string& name, const json& value) {
  switch (argument.type) {
    case Type::string:
      return check_string(name, value);
    case Type::boolean:
      if (!value.is_boolean()) wrong_type(name, "boolean");
      return;
    case Type::integer:
      if (!fits_int64(value)) wrong_type(name, "integer");
      return;
    case Type::uint32:
      return check_uint32(name, value);
    case Type::enumeration:
      return check_enumeration(argument, name, value);
    case Type::object:
      if (!value.is_object()) wrong_type(name, "object");
      return;
    case Type::any:
      return;
    case Type::string_list:
      return check_string_list(name, value);
    case Type::bitmap_list:
      return check_bitmap_list(name, value);
  }
  INVARIANT(!"a Type of the enumeration");
}

}  // namespace

void check_arguments(const Schema& schema, const json& arguments, const std::string& path) {
  check_members(schema, arguments, path);
  refuse_others(schema, arguments, path);
}

void check_members(const Schema& schema, const json& object, const std::string& path) {
  for (const Argument& argument : schema) {
    const auto found = object.find(argument.name);
    if (found != object.end()) {
      check_value(argument, path + argument.name, *found);
    } else if (argument.presence == Presence::required) {
      missing(path + argument.name);
    }
  }
}

void refuse_others(const Schema& known, const json& object, const std::string& path) {
  for (const auto& [key, ignored] : object.items()) {
    if (std::ranges::find(known, key, &Argument::name) == known.end()) unexpected(path + key);
  }
}

}  // namespace engine::qmp
