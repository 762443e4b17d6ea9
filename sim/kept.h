// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sim {

/// A change of a file that no flush has made durable yet.
struct Unflushed {
  enum class Kind { write, zero, resize };
  Kind kind = Kind::write;
  std::string path = {};
  std::uint64_t offset = 0;  ///< of a resize: the new size
  std::uint64_t length = 0;  ///< of a resize: 0

  /// How many sectors of 512 bytes it touches: into so many parts a power cut may tear it. A resize
  /// is one.
  std::uint64_t sectors() const;
};

/// What becomes of an unflushed change: all of it arrives, or some of its sectors, or nothing.
struct Fate {
  bool whole = false;
  std::set<std::uint64_t> sectors = {};  ///< numbered from 0 in the change; only if not whole

  friend bool operator==(const Fate&, const Fate&) = default;
};

/// What of the unflushed changes a power cut leaves. Changes are numbered from 1, file by file in
/// alphabetical order, those of a file in the order in which they were made.
class Kept {
 public:
  /// Nothing survives.
  Kept() = default;
  static Kept all();
  /// Each change is kept, lost or torn, as a stream of choices says that starts from `seed`.
  static Kept seeded(std::uint64_t seed);
  /// `fates` of the changes in their order; those beyond are lost.
  static Kept listed(const std::vector<Fate>& fates);
  /// "none", "all" or a list such as "1,3-5,7.0,7.2-4": changes 1, 3, 4 and 5 and of change 7 the
  /// sectors 0, 2, 3 and 4. Nothing if the text is none of these.
  static std::optional<Kept> parse(const std::string& text);

  /// The option of a scenario's step that says so: "keep=1,3-5", "seed=7"; empty: nothing is kept.
  std::string option() const;
  /// What it names that is not there: "change 7", "sector 2 of change 1"; empty if there is
  /// nothing.
  std::string beyond(const std::vector<Unflushed>& changes) const;
  /// What becomes of each of these changes.
  std::vector<Fate> fates(const std::vector<Unflushed>& changes) const;

  friend bool operator==(const Kept&, const Kept&) = default;

 private:
  bool all_ = false;
  std::optional<std::uint64_t> seed_;
  std::map<std::uint64_t, Fate> listed_;  ///< by number, lost ones left out
};

}  // namespace sim
