// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "sim/version.h"

/// What releases of QEMU say in other words than release 7.2, whose words model and engine speak.
/// How later ones behave otherwise is in scenarios/known/ledger.json.
namespace sim::changes {

/// Whether all that a program of that version says otherwise is written in changes.cpp, so that it
/// can be compared to the letter.
bool are_known_of(const Version& version);

/// Whether a program of that version says `seen` where 7.2 says `text`.
bool reword(const Version& version, const std::string& text, const std::string& seen);

/// Whether a program of that version tells this field, which 7.2 does not have.
bool add_field(const Version& version, const std::string& name);

/// `seen`, as 7.2 would have told it, where that is `expected`: of both, all that is not among the
/// changes of that version stays as it is.
nlohmann::json undone(const Version& version, const nlohmann::json& expected, nlohmann::json seen);

}  // namespace sim::changes
