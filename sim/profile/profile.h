// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/profile/leniency.h"
#include "sim/step.h"
#include "sim/verdict.h"
#include "sim/version.h"

namespace sim {

/// How strictly the answers of a subject are compared: to the letter for the release whose words
/// the model speaks, and for those of which changes.cpp tells what they say otherwise; by error
/// class and outcome for others. What is not compared then, and why, is written in leniency.cpp.
class Profile {
 public:
  /// To the letter.
  Profile() = default;
  /// Of a program of that version; nothing stands for one that does not tell a QEMU's version.
  explicit Profile(const std::optional<Version>& version);

  bool exact() const { return lenient_.empty(); }
  /// Nothing for 7.2, and for a program that does not tell a QEMU's version.
  const std::optional<Version>& newer() const { return newer_; }
  bool allows(Leniency::Aspect aspect) const;
  /// A line for a report: what is not compared.
  std::string text() const;

 private:
  std::vector<Leniency> lenient_;
  std::optional<Version> newer_;
};

/// The profile for what query-version answers.
Profile profile_of(const nlohmann::json& version);

/// `seen` with everything put right that the release says otherwise or the profile does not
/// compare, so that it may be judged as if it came from 7.2. What differs in other ways stays as it
/// is.
nlohmann::json forgiven(const Profile& profile, const Step& step, const nlohmann::json& allowed,
                        nlohmann::json seen);

/// Whether `seen`, shown by a subject of that profile, is what `allowed` allows. Null: to the
/// letter.
std::optional<Finding> judge(const Step& step, const nlohmann::json& allowed,
                             const nlohmann::json& seen, const Profile* profile);

}  // namespace sim
