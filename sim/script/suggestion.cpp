// SPDX-License-Identifier: MIT
#include "sim/script/suggestion.h"

#include <algorithm>
#include <cctype>

namespace sim::script {

namespace {

bool same_letter(char a, char b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  return lower(a) == lower(b) || (a == '-' && b == '_') || (a == '_' && b == '-');
}

/// How many letters are wrong, missing, too many, or two neighbours exchanged.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> least(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      std::size_t& here = least[i][j];
      here = i == 0 ? j : i;
      if (i == 0 || j == 0) continue;
      const std::size_t wrong = same_letter(a[i - 1], b[j - 1]) ? 0 : 1;
      here = std::min({least[i - 1][j] + 1, least[i][j - 1] + 1, least[i - 1][j - 1] + wrong});
      const bool exchanged =
          i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]);
      if (exchanged) here = std::min(here, least[i - 2][j - 2] + 1);
    }
  }
  return least[a.size()][b.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& names) {
  constexpr std::size_t longest = 100;  // no name of ours is as long
  if (word.empty() || word.size() > longest) return "";
  std::string best;
  std::size_t least = std::max<std::size_t>(word.size() / 3, 1) + 1;
  for (const std::string& name : names) {
    const std::size_t far = edit_distance(word, name);
    if (far >= least || far >= name.size()) continue;
    least = far;
    best = name;
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& names) {
  const std::string name = nearest(word, names);
  return name.empty() || name == word ? "" : "; did you mean '" + name + "'?";
}

}  // namespace sim::script
