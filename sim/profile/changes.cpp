// SPDX-License-Identifier: MIT
#include "sim/profile/changes.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "sim/pattern.h"

namespace sim::changes {

using nlohmann::json;

namespace {

/// The releases whose words are known, in all their bug fix versions.
constexpr Version known[] = {{7, 2, 0}, {10, 0, 0}, {11, 1, 0}};

/// `{x}` stands for any text, and for the same one in both; what only the new words have may be
/// anything.
struct Rewording {
  Version since;
  const char* words;
  const char* become;
};

constexpr Rewording rewordings[] = {
    // block_resize and others tell which node is busy, and why.
    {{10, 0, 0}, "Device '{device}' is in use", "Node '{node}' is busy: {reason}"},
    {{10, 0, 0},
     "Invalid image size specified. You may use k, M, G, T, P or E suffixes for",
     "Invalid image size specified: '{size}'{end}"},
    // The human monitor marks errors as such.
    {{11, 1, 0}, "{text}", "Error: {text}"},
    // A flush that fails at a close is told, before what else failed by it.
    {{11, 1, 0},
     "Lost persistent bitmaps during inactivation of node '{node}': Failed to update bitmap "
     "extension: {error}",
     "Failed flush for '{file}' during close: {error}"},
    // Whether a bitmap could be stored is asked before anything else.
    {{11, 1, 0},
     "Bitmap already exists: {bitmap}",
     "Cannot add a persistent bitmap to read-only or inactive node '{node}'"},
    {{11, 1, 0},
     "Can't store persistent bitmaps to {node}: Operation not supported",
     "Cannot add a persistent bitmap to read-only or inactive node '{node}'"},
    {{11, 1, 0},
     "Bitmap '{bitmap}' is readonly and cannot be modified",
     "Cannot remove persistent bitmap '{bitmap}': no write access to node '{node}'"},
};

struct Field {
  Version since;
  const char* name;
};

constexpr Field fields[] = {
    {{8, 1, 0}, "children"},         // of what qemu-img info tells; since 11.1 of nodes, too
    {{8, 1, 0}, "format-specific"},  // of plain files
    {{9, 2, 0}, "active"},           // of nodes
    {{11, 1, 0}, "limits"},          // of images in use
};

using Bound = std::map<std::string, std::string, std::less<>>;

/// Finds texts for the names of `pattern` with which it reads `text`.
bool reads_as(std::string_view pattern, std::string_view text, Bound& bound) {
  const std::size_t open = pattern.find('{');
  if (text.substr(0, open) != pattern.substr(0, open)) return false;
  if (open == std::string_view::npos) return true;
  const std::size_t close = pattern.find('}', open);
  text.remove_prefix(open);
  for (std::size_t length = 0; length <= text.size(); ++length) {
    if (!reads_as(pattern.substr(close + 1), text.substr(length), bound)) continue;
    bound[std::string(pattern.substr(open + 1, close - open - 1))] = text.substr(0, length);
    return true;
  }
  return false;
}

/// The new words as a pattern of matches_text().
std::string filled(std::string_view words, const Bound& bound) {
  std::string pattern;
  while (true) {
    const std::size_t open = words.find('{');
    pattern += words.substr(0, open);
    if (open == std::string_view::npos) return pattern;
    const std::size_t close = words.find('}', open);
    const auto value = bound.find(words.substr(open + 1, close - open - 1));
    pattern += value == bound.end() ? "*" : value->second;
    words.remove_prefix(close + 1);
  }
}

/// The part of `parent` at `key`; null if there is none.
const json& part(const json& parent, const std::string& key) {
  static const json none;
  const bool there = parent.is_object() && parent.contains(key);
  return there ? parent[key] : none;
}

}  // namespace

bool are_known_of(const Version& version) {
  return std::any_of(std::begin(known), std::end(known), [&](const Version& each) {
    return each.major == version.major && each.minor == version.minor;
  });
}

bool reword(const Version& version, const std::string& text, const std::string& seen) {
  return std::any_of(std::begin(rewordings), std::end(rewordings), [&](const Rewording& each) {
    Bound bound;
    return version >= each.since && reads_as(each.words, text, bound) &&
           matches_text(filled(each.become, bound), seen);
  });
}

bool add_field(const Version& version, const std::string& name) {
  return std::any_of(std::begin(fields), std::end(fields),
                     [&](const Field& each) { return version >= each.since && name == each.name; });
}

json undone(const Version& version, const json& expected, json seen) {
  if (seen.is_string() && expected.is_string()) {
    return reword(version, expected, seen) ? expected : seen;
  }
  if (seen.is_array() && expected.is_array() && seen.size() == expected.size()) {
    for (std::size_t i = 0; i < seen.size(); ++i) {
      seen[i] = undone(version, expected[i], std::move(seen[i]));
    }
  }
  if (!seen.is_object() || !expected.is_object()) return seen;
  json result = json::object();
  for (auto& [key, value] : seen.items()) {
    if (!expected.contains(key) && add_field(version, key)) continue;
    result[key] = undone(version, part(expected, key), std::move(value));
  }
  return result;
}

}  // namespace sim::changes
