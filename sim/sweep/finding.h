// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/scenario.h"
#include "sim/sweep/looks.h"

namespace sim::sweep {

/// Where a testcase crashes.
struct CrashPoint {
  std::size_t step = 0;      ///< the number of the step that is cut short, or is the last one
  std::optional<Cut> cut;    ///< how it is cut short
  Stop how = Stop::kill;     ///< after the step, if it is not cut short
  Kept kept = {};            ///< of a power cut
  std::string operation;     ///< for humans: what did not take effect, e.g. "write F 0+512"
  std::uint64_t of_run = 0;  ///< the number of that operation in the testcase
  std::vector<std::string> lost = {};  ///< for humans: changes of which not all was kept
};

/// What is wrong after a crash.
enum class Verdict {
  under_dirty,  ///< a bitmap claims to be valid and lacks a bit: an incremental backup loses data
  lost_data,    ///< the guest reads what it cannot read
  corruption,   ///< the image's check finds more than leaks
  unreadable,   ///< an image cannot be opened
  over_dirty,   ///< a bitmap has bits that it cannot have
  different,    ///< anything else that the model does not allow
  engine_died,  ///< the engine that looked broke
  no_crash,     ///< model and engine differ in the testcase itself
  still_fails   ///< a request fails though storage works again
};
std::string to_string(Verdict verdict);
/// The verdict on what was seen in a look.
Verdict verdict_on(const Difference& difference);

/// Something wrong, told for humans and as a scenario that shows it again.
struct Finding {
  Verdict verdict = Verdict::different;
  std::string report;  ///< whole lines
  std::string story;   ///< a scenario's text; empty if there is none to write
};

/// What sweeping a testcase showed.
struct Sweep {
  std::uint64_t steps = 0;
  std::uint64_t operations = 0;        ///< of the engine's storage
  std::uint64_t kills = 0;             ///< states looked at
  std::uint64_t power_cuts = 0;        ///< states looked at
  std::uint64_t unread = 0;            ///< looks at disks that were too long to read
  std::uint64_t inspected = 0;         ///< images that qemu-img checked
  std::uint64_t failures = 0;          ///< states with something wrong
  std::vector<Finding> findings = {};  ///< the first of each verdict
};
nlohmann::json to_json(const Sweep& sweep);
Sweep sweep_of(const nlohmann::json& value);

/// Tells of something wrong after a crash; `looks` are what was looked at until then.
Finding finding_at(const Scenario& scenario, const Scenario::Testcase& testcase,
                   const CrashPoint& point, Verdict verdict, const std::vector<std::string>& looks,
                   const std::string& what);

}  // namespace sim::sweep
