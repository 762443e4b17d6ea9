// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/runs.h"

namespace sim {

/// One place in what the model allows to be seen: there stands one value, or a set of values. The
/// members of an object and the elements of an array are places of their own.
///
/// The model says this in JSON (model/model.h); this file alone knows the keys of its sets. Refers
/// to that JSON, which must outlive it.
class Allowed {
 public:
  enum class Kind {
    exactly,  ///< this value, in whose members and elements sets may stand
    between,  ///< a number between two, both of them allowed
    one_of,   ///< one of several
    any       ///< whatever there may be: it is not judged
  };

  explicit Allowed(const nlohmann::json& said);

  Kind kind() const { return kind_; }
  bool anything() const { return kind_ == Kind::any; }
  /// Why anything is allowed; empty if not anything is.
  std::string why() const;
  /// The JSON that says it: the value itself where it is Kind::exactly.
  const nlohmann::json& said() const { return *said_; }
  /// The bounds. Requires Kind::between.
  const nlohmann::json& least() const { return (*set_)[0]; }
  const nlohmann::json& most() const { return (*set_)[1]; }
  /// All that may stand here, those in sets within a set as well: none of them is Kind::one_of.
  std::vector<Allowed> alternatives() const;
  /// Whether nothing may stand here: the member of an object may be left out.
  bool optional() const;
  /// Whether there is no set, here or anywhere below.
  bool exact() const;

  /// How the sets are said.
  static nlohmann::json any(const std::string& why);
  static nlohmann::json between(std::uint64_t least, std::uint64_t most);
  /// The one value if there is just one that differs from the others. Requires at least one.
  static nlohmann::json one_of(std::vector<nlohmann::json> values);
  /// The set that the model says in the text of guest I/O; nothing if the text is one that a
  /// program prints.
  static std::optional<nlohmann::json> said_in(const std::string& text);
  /// `said` with `change` done to each of its alternatives.
  template <class Change>
  static nlohmann::json changed(nlohmann::json said, const Change& change);

 private:
  const nlohmann::json* said_;
  const nlohmann::json* set_ = nullptr;  ///< what the set holds
  Kind kind_ = Kind::exactly;
};

template <class Change>
nlohmann::json Allowed::changed(nlohmann::json said, const Change& change) {
  const Allowed here(said);
  if (here.kind() == Kind::exactly) return change(std::move(said));
  if (here.kind() != Kind::one_of) return said;
  std::vector<nlohmann::json> values;
  for (const Allowed& each : here.alternatives()) {
    values.push_back(each.kind() == Kind::exactly ? change(each.said()) : each.said());
  }
  return one_of(std::move(values));
}

/// Which bits of a bitmap must be set and which may be, as runs of bytes. What a witness shows has
/// both equal.
struct AllowedBits {
  std::vector<ByteRun> must;
  std::vector<ByteRun> may;

  /// {"must":[[start,length]…],"may":[[start,length]…]}; nothing if `said` is something else.
  static std::optional<AllowedBits> from(const nlohmann::json& said);
  bool exact() const { return must == may; }
};

}  // namespace sim
