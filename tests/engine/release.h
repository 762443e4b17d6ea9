// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "sim/version.h"

namespace tests {

/// The release of the QEMU that is installed, as qemu-img tells it.
const sim::Version& installed_release();

/// What it said, as release 7.2 would have said it where that is what `we` say: our engine speaks
/// the words of 7.2, and what other releases say otherwise is written in sim/profile/changes.cpp.
nlohmann::json in_our_words(const nlohmann::json& we, const nlohmann::json& it_said);

}  // namespace tests
