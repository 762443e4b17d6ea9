// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace engine::qmp {

/// What a value may be (QAPI's types, as far as our commands use them).
enum class Type {
  string,
  boolean,
  integer,  ///< int64
  uint32,
  enumeration,
  object,
  any,          ///< whoever reads it looks at it
  string_list,  ///< array of strings
  bitmap_list   ///< array of BlockDirtyBitmapOrStr
};
/// Whether an argument may be left out.
enum class Presence { required, optional };

/// One argument of a command.
struct Argument {
  std::string name;
  Type type;
  Presence presence = Presence::required;
  std::vector<std::string> values = {};  ///< of an enumeration
};

/// The arguments of a command in the order of QEMU's schema, which is the order of its complaints.
using Schema = std::vector<Argument>;

/// Throws Refusal in QEMU's words for arguments that are missing, of a wrong type, or unknown
/// (S11). What passes may be taken out with the getters of arguments.h.
/// `path` stands before the names of members: "file." for what is inside `file`.
void check_arguments(const Schema& schema, const nlohmann::json& arguments,
                     const std::string& path = {});

/// The two halves of check_arguments, for those whose schema depends on what they read.
void check_members(const Schema& schema, const nlohmann::json& object, const std::string& path);
void refuse_others(const Schema& known, const nlohmann::json& object, const std::string& path);

}  // namespace engine::qmp
