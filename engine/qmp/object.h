// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <utility>

namespace engine::qmp {

/// A name and a value, which moves to where the member belongs.
struct Member {
  const char* name;
  mutable nlohmann::json value;
};

/// The object of these members; of those with one name the first. As json{{name, value}, …}, but
/// the library makes an array of each pair in such a list before it knows that they are members,
/// which is most of what a reply would cost.
inline nlohmann::json object(std::initializer_list<Member> members) {
  nlohmann::json result = nlohmann::json::object();
  auto& map = result.get_ref<nlohmann::json::object_t&>();
  for (const Member& member : members) map.emplace(member.name, std::move(member.value));
  return result;
}

}  // namespace engine::qmp
