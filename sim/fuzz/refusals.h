// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sim::fuzz {

/// A refusal that model/RULES.md lists for something that we have. A test holds the two together.
struct Refusal {
  const char* rule;         ///< "S5"
  const char* text;         ///< as subjects print it; … stands for any text
  const char* of = "";      ///< only of steps that start so: the text alone does not tell its rule
  const char* excuse = "";  ///< why no random run can reach it; empty: one should

  /// "S5 Bitmap already exists: …", with what it is of where the text alone would not tell.
  std::string name() const;
};

/// All of them, in the order of the rules.
const std::vector<Refusal>& refusals();

/// Whether `text` is what `pattern` says, … standing for any text.
bool fits(std::string_view pattern, std::string_view text);

}  // namespace sim::fuzz
