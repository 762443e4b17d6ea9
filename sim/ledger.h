// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/difference.h"
#include "sim/version.h"

namespace sim {

/// A fault that a subject is known to have, or that a release does otherwise what 7.2 does: how it
/// is recognised, and what would be right.
struct KnownFault {
  /// What becomes of the subject in the testcase where it shows the fault.
  enum class Then { leaves, goes_on };

  std::string id;                ///< e.g. "L1"
  std::string title;             ///< one line
  std::string subject;           ///< whose fault: the subject's name
  Version since;                 ///< the first version that has it
  std::optional<Version> fixed;  ///< the first version without it, if that is known
  std::string right;             ///< what a subject should do instead
  std::string source;            ///< who says so
  std::string scenario;  ///< the one that shows it, e.g. "known/merge-empty-list"; empty: none yet
  std::string needs;     ///< what must be built before a scenario can show it; empty: nothing.
                         ///< Only then may there be no request, step, signal and shows.

  bool change = false;             ///< no fault: a release may do so
  std::vector<std::string> after;  ///< patterns of steps that came before, in this order

  std::optional<nlohmann::json> request;  ///< pattern of the request that brings it out
  std::string step;                       ///< or pattern of the step's text
  int signal = 0;                         ///< the signal that the subject dies of
  nlohmann::json shows;  ///< or pattern of what it shows in place of what is right; null: anything
  Then then = Then::leaves;
  bool race = false;  ///< its scenario does not always show it
};

/// The known faults of all subjects: a data file, scenarios/known/ledger.json.
class Ledger {
 public:
  Ledger() = default;
  /// Reads a ledger; a file that is not there is an empty one. Throws UsageError with the entry and
  /// what was expected there.
  static Ledger load(const std::string& path);

  const std::vector<KnownFault>& faults() const { return faults_; }
  /// Those that this version of a subject is said to have; all of the subject's if the version is
  /// not known.
  std::vector<KnownFault> faults_of(const std::string& subject,
                                    const std::optional<Version>& version) const;

 private:
  std::vector<KnownFault> faults_;
};

/// Follows the steps of a testcase, to tell which entries have what must come before them.
class Prelude {
 public:
  /// `known` may be null and must outlive this.
  explicit Prelude(const std::vector<KnownFault>* known);
  void pass(const Step& step);
  /// Whether all that must come before this entry, the one of that number, has come.
  bool complete(std::size_t entry) const;

 private:
  const std::vector<KnownFault>* known_;
  std::vector<std::size_t> passed_;  ///< how many patterns of each entry
};

/// Whether what a subject showed in `step`, which the oracle does not allow, is this fault.
bool recognises(const KnownFault& fault, const Step& step, const Shown& shown);

}  // namespace sim
