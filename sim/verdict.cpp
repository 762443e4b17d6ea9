// SPDX-License-Identifier: MIT
#include "sim/verdict.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "sim/allowed.h"
#include "sim/bit_hash.h"
#include "sim/json_text.h"
#include "sim/runs.h"

namespace sim {

using nlohmann::json;

namespace {

/// What to tell of something that is none of several: that dirt is missing, if it is measured by
/// one of them, else that there is too much of it, else nothing.
std::optional<Finding> worst(const std::vector<std::optional<Finding>>& findings) {
  for (const Fault fault : {Fault::under_dirty, Fault::over_dirty}) {
    for (const auto& finding : findings) {
      if (finding && finding->fault == fault) return finding;
    }
  }
  return std::nullopt;
}

/// Compares with each of several; nothing if one of them agrees.
template <class Compare>
std::optional<Finding> compare_with_each(const std::vector<Allowed>& choice, const json& seen,
                                         const Compare& compare_with) {
  std::vector<std::optional<Finding>> findings;
  for (const Allowed& allowed : choice) {
    findings.push_back(compare_with(allowed.said(), seen));
    if (!findings.back()) return std::nullopt;
  }
  const std::optional<Finding> told = worst(findings);
  return told ? told : findings.back();
}

bool counts_dirt(std::string_view where) {
  return where.ends_with("count") || where.ends_with("dirty-clusters");
}

Finding difference(const json& allowed, const json& seen, const std::string& where) {
  Finding finding{Fault::different, where, json_text(allowed), json_text(seen)};
  if (!seen.is_number() || !counts_dirt(where)) return finding;
  const Allowed here(allowed);
  const json& least = here.kind() == Allowed::Kind::between ? here.least() : allowed;
  if (least.is_number()) finding.fault = seen < least ? Fault::under_dirty : Fault::over_dirty;
  return finding;
}

/// Walks what is allowed and what is seen side by side; the path is built only for a finding.
class Comparison {
 public:
  bool holds(const json& allowed, const json& seen) {
    if (Allowed(seen).anything()) return true;
    const Allowed here(allowed);
    switch (here.kind()) {
      case Allowed::Kind::any:
        return true;
      case Allowed::Kind::one_of:
        return is_one_of(here, seen);
      case Allowed::Kind::between:
        return (seen.is_number() && seen >= here.least() && seen <= here.most()) ||
               fails(allowed, seen);
      case Allowed::Kind::exactly:
        break;
    }
    if (allowed.is_object() && seen.is_object()) return object_holds(allowed, seen);
    if (allowed.is_array() && seen.is_array()) return array_holds(allowed, seen);
    return allowed == seen || fails(allowed, seen);
  }
  std::optional<Finding> finding;

 private:
  bool is_one_of(const Allowed& choice, const json& seen) {
    std::vector<std::optional<Finding>> findings;
    for (const Allowed& each : choice.alternatives()) {
      Comparison comparison;
      if (comparison.holds(each.said(), seen)) return true;
      findings.push_back(comparison.finding);
    }
    finding = worst(findings);
    return finding ? false : fails(choice.said(), seen);
  }

  bool fails(const json& allowed, const json& seen) {
    finding = difference(allowed, seen, "");
    return false;
  }

  bool below(const json& allowed, const json& seen, const std::string& step) {
    if (holds(allowed, seen)) return true;
    const bool dot = !finding->where.empty() && finding->where[0] != '[';
    finding->where = step + (dot ? "." : "") + finding->where;
    // Only now is the name of the field known, which says whether it counts dirt.
    if (finding->where == step) *finding = difference(allowed, seen, step);
    return false;
  }

  bool object_holds(const json& allowed, const json& seen) {
    auto a = allowed.begin();
    auto s = seen.begin();
    while (a != allowed.end() || s != seen.end()) {
      const bool missing = s == seen.end() || (a != allowed.end() && a.key() < s.key());
      const bool extra = !missing && (a == allowed.end() || s.key() < a.key());
      if (missing && !Allowed(*a).optional()) return lacks(a.key(), json_text(*a), "nothing");
      if (extra) return lacks(s.key(), "nothing", json_text(*s));
      if (!missing && !below(*a, *s, a.key())) return false;
      if (!extra) ++a;
      if (!missing) ++s;
    }
    return true;
  }

  bool lacks(const std::string& key, const std::string& expected, const std::string& seen) {
    finding = {Fault::different, key, expected, seen};
    return false;
  }

  bool array_holds(const json& allowed, const json& seen) {
    if (allowed.size() != seen.size()) return fails(allowed, seen);
    for (std::size_t i = 0; i < allowed.size(); ++i) {
      if (!below(allowed[i], seen[i], "[" + std::to_string(i) + "]")) return false;
    }
    return true;
  }
};

/// A subject that tells a hash of the bits and not where they are: compared with the hash of what
/// is allowed, if that is one set of bits. The counts then tell the direction.
std::optional<Finding> compare_hash(const json& allowed, const json& seen) {
  const auto bits = AllowedBits::from(allowed);
  if (!bits->exact()) return std::nullopt;
  const std::uint64_t granularity = seen["granularity"].get<std::uint64_t>();
  const std::uint64_t size = seen["size"].get<std::uint64_t>();
  const auto expected = hash_of_bits(bits->must, size, granularity);
  const std::string shown = seen["sha256"].get<std::string>();
  if (!expected) {
    return Finding{Fault::different, "granularity and size", "those of a bitmap",
                   std::to_string(granularity) + " and " + std::to_string(size)};
  }
  if (shown == expected->sha256) return std::nullopt;
  const std::uint64_t count = seen["count"].get<std::uint64_t>();
  const Fault fault = count < expected->bytes   ? Fault::under_dirty
                      : count > expected->bytes ? Fault::over_dirty
                                                : Fault::different;
  return Finding{fault, "sha256", expected->sha256, shown};
}

std::string at_run(const ByteRun& run) {
  return "at offset " + std::to_string(run.start) + ", " + std::to_string(run.length()) + " bytes";
}

std::string bytes_text(const json& bytes) {
  std::string text;
  for (const json& byte : bytes) {
    text += (text.empty() ? "" : "|") + byte_text(byte.get<unsigned>());
  }
  return text;
}

bool all_allowed(const json& allowed, const json& seen) {
  return std::all_of(seen.begin(), seen.end(), [&](const json& byte) {
    return std::find(allowed.begin(), allowed.end(), byte) != allowed.end();
  });
}

}  // namespace

std::string to_string(Fault fault) {
  switch (fault) {
    case Fault::under_dirty:
      return "under-dirty (data loss)";
    case Fault::over_dirty:
      return "over-dirty (waste)";
    case Fault::different:
      break;
  }
  return "different";
}

std::optional<Finding> compare(const json& allowed, const json& seen) {
  Comparison comparison;
  comparison.holds(allowed, seen);
  return comparison.finding;
}

std::optional<Finding> compare_dirty(const json& allowed, const json& seen) {
  const Allowed here(allowed);
  if (here.kind() == Allowed::Kind::one_of)
    return compare_with_each(here.alternatives(), seen, compare_dirty);
  const auto bits = AllowedBits::from(allowed), shown = AllowedBits::from(seen);
  if (bits && seen.contains("sha256")) return compare_hash(allowed, seen);
  if (shown && allowed.contains("sha256")) return compare_hash(seen, allowed);
  if (!bits || !shown) return compare(allowed, seen);
  if (const auto lost = first_outside(bits->must, shown->must)) {
    return Finding{Fault::under_dirty, at_run(*lost), "dirty", "clean"};
  }
  if (const auto waste = first_outside(shown->must, bits->may)) {
    return Finding{Fault::over_dirty, at_run(*waste), "clean", "dirty"};
  }
  return std::nullopt;
}

std::optional<Finding> compare_data(const json& allowed, const json& seen) {
  const Allowed here(allowed);
  if (here.kind() == Allowed::Kind::one_of)
    return compare_with_each(here.alternatives(), seen, compare_data);
  if (!allowed.is_array() || !seen.is_array()) return compare(allowed, seen);
  std::size_t a = 0, s = 0;
  std::uint64_t at = 0;
  while (a < allowed.size() && s < seen.size()) {
    const std::uint64_t allowed_end =
        allowed[a][0].get<std::uint64_t>() + allowed[a][1].get<std::uint64_t>();
    const std::uint64_t seen_end =
        seen[s][0].get<std::uint64_t>() + seen[s][1].get<std::uint64_t>();
    if (!all_allowed(allowed[a][2], seen[s][2])) {
      return Finding{Fault::different, at_run({at, std::min(allowed_end, seen_end)}),
                     bytes_text(allowed[a][2]), bytes_text(seen[s][2])};
    }
    at = std::min(allowed_end, seen_end);
    if (allowed_end == at) ++a;
    if (seen_end == at) ++s;
  }
  if (a == allowed.size() && s == seen.size()) return std::nullopt;
  return Finding{Fault::different, "at offset " + std::to_string(at),
                 a < allowed.size() ? "more data" : "the end of the disk",
                 s < seen.size() ? "more data" : "the end of the disk"};
}

}  // namespace sim
