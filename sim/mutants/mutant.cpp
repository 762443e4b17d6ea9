// SPDX-License-Identifier: MIT
#include "sim/mutants/mutant.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sim/usage_error.h"

namespace sim::mutants {

namespace {

namespace fs = std::filesystem;

Search words_of(const std::string& text) {
  std::istringstream in(text);
  Search words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

/// What stands before the difference: the story, and lines that begin with a key.
Mutant read_mutant(const fs::path& path, const Search& usual) {
  Mutant mutant{path.stem().string(), {}, usual};
  const std::string found_by = "Found by: ";
  std::ifstream in(path);
  for (std::string line; std::getline(in, line) && !line.starts_with("--- ");) {
    if (line.starts_with(found_by)) {
      mutant.search = words_of(line.substr(found_by.size()));
    } else if (!line.empty()) {
      mutant.story += (mutant.story.empty() ? "" : " ") + line;
    }
  }
  if (mutant.story.empty()) throw UsageError(path.string() + ": tells no story");
  if (mutant.search.empty()) throw UsageError(path.string() + ": 'Found by:' names nothing");
  return mutant;
}

std::vector<std::string> all_names(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() == ".patch" && !name.starts_with("canary-")) names.push_back(name);
  }
  return names;
}

}  // namespace

std::vector<Mutant> read_mutants(const std::string& directory,
                                 const std::vector<std::string>& names, const Search& usual) {
  if (!fs::is_directory(directory)) throw UsageError(directory + ": no such directory");
  std::vector<Mutant> mutants;
  for (const std::string& name : names.empty() ? all_names(directory) : names) {
    const fs::path path = fs::path(directory) / (name + ".patch");
    if (!fs::exists(path)) throw UsageError("there is no mutant '" + name + "'");
    mutants.push_back(read_mutant(path, usual));
  }
  std::ranges::sort(mutants, {}, &Mutant::name);
  return mutants;
}

std::string to_string(const Search& search) {
  std::string text;
  for (const std::string& word : search) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace sim::mutants
