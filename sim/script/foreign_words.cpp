// SPDX-License-Identifier: MIT
#include "sim/script/foreign_words.h"

#include <algorithm>

#include "sim/script/bounds.h"
#include "sim/script/suggestion.h"

namespace sim::script {

Action foreign_action(const std::vector<Word>& words, const std::string& file, int line) {
  const auto text_at = [&](std::size_t index, const char* what) {
    if (words.size() <= index) fail(file, line, what, "the end of the line");
    if (!words[index].key.empty()) fail(file, line, what, "'" + words[index].key + "=…'");
    return words[index].text;
  };
  const std::string name = text_at(1, "a FILE"), size = text_at(2, "a SIZE");
  if (!is_own_file(name)) fail(file, line, "a file TEST_DIR/…, without ..", "'" + name + "'");
  std::vector<std::pair<std::string, std::string>> pairs;
  const std::vector<std::string> keys = foreign::keys();
  for (auto word = words.begin() + 3; word < words.end(); ++word) {
    const std::string& key = word->key.empty() ? word->text : word->key;
    if (word->key.empty() || std::ranges::find(keys, key) == keys.end())
      fail(file, line, "KEY=VALUE (scenarios/README.md)",
           "'" + key + "'" + did_you_mean(key, keys));
    pairs.emplace_back(key, word->text);
  }
  try {
    ForeignStep step{name, foreign::described(size, pairs)};
    if (!is_own_description(step.image.backing_file))
      fail(file, line, "a file TEST_DIR/…, or json:{…} of one (scenarios/README.md)",
           "'" + step.image.backing_file + "'");
    return step;
  } catch (const foreign::Malformed& malformed) {
    fail(file, line, malformed.expected, malformed.found);
  }
}

}  // namespace sim::script
