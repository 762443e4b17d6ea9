// SPDX-License-Identifier: MIT
#include "sim/join.h"

#include <algorithm>
#include <cstdint>
#include <set>

namespace sim {

using nlohmann::json;

namespace {

/// A run of contents whose start or end moves on as it is looked at.
struct Run {
  std::uint64_t start;
  std::uint64_t length;
  std::uint64_t end() const { return start + length; }
};

Run run_of(const json& run) { return {run[0].get<std::uint64_t>(), run[1].get<std::uint64_t>()}; }

std::uint64_t length_of(const json& contents) {
  return contents.empty() ? 0 : run_of(contents.back()).end();
}

json either(const json& bytes, const json& others) {
  std::set<unsigned> both(bytes.begin(), bytes.end());
  both.insert(others.begin(), others.end());
  return both;
}

/// `a`, with what `b` has as far as it goes. Requires that it is no longer.
json mixed(const json& a, const json& b) {
  json result = json::array();
  std::uint64_t at = 0;
  for (std::size_t i = 0, k = 0; i < a.size();) {
    const bool both = k < b.size();
    const std::uint64_t end =
        both ? std::min(run_of(a[i]).end(), run_of(b[k]).end()) : run_of(a[i]).end();
    json bytes = both ? either(a[i][2], b[k][2]) : a[i][2];
    if (!result.empty() && result.back()[2] == bytes) {
      result.back()[1] = end - result.back()[0].get<std::uint64_t>();
    } else {
      result.push_back({at, end - at, std::move(bytes)});
    }
    at = end;
    if (run_of(a[i]).end() == end) ++i;
    if (both && run_of(b[k]).end() == end) ++k;
  }
  return result;
}

/// The first `length` bytes.
json cut_to(const json& contents, std::uint64_t length) {
  json result = json::array();
  for (json run : contents) {
    const Run place = run_of(run);
    if (place.start >= length) break;
    run[1] = std::min(place.end(), length) - place.start;
    result.push_back(std::move(run));
  }
  return result;
}

/// What a disk of this length may hold: its size may have changed before its bytes did, or after.
json of_length(const std::vector<json>& answers, const json& start) {
  json result = start;
  for (const json& answer : answers) {
    if (answer.is_array()) result = mixed(result, cut_to(answer, length_of(start)));
  }
  return result;
}

}  // namespace

json joined(const std::vector<json>& answers) {
  json different = json::array();
  for (const json& answer : answers) {
    if (std::find(different.begin(), different.end(), answer) == different.end()) {
      different.push_back(answer);
    }
  }
  return different.size() == 1 ? different.front() : json{{"$one-of", std::move(different)}};
}

json joined_data(const std::vector<json>& answers) {
  std::vector<json> apart;
  std::set<std::uint64_t> lengths;
  for (const json& answer : answers) {
    if (!answer.is_array()) {
      apart.push_back(answer);
    } else if (lengths.insert(length_of(answer)).second) {
      apart.push_back(of_length(answers, answer));
    }
  }
  return joined(apart);
}

}  // namespace sim
