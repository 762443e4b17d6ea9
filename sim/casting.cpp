// SPDX-License-Identifier: MIT
#include "sim/casting.h"

#include <algorithm>

#include "sim/usage_error.h"

namespace sim {

std::optional<QemuIdentity> meet_qemu(Cast& cast, const Project& project) {
  const auto& names = cast.subjects;
  if (std::find(names.begin(), names.end(), "qemu") == names.end()) return std::nullopt;
  const Ledger ledger = Ledger::load(project.root + "/scenarios/known/ledger.json");
  try {
    QemuIdentity identity = identify_qemu(cast.qemu, cast.limit);
    cast.known = ledger.faults_of("qemu", identity.version);
    return identity;
  } catch (const SubjectFailure& failure) {
    throw UsageError(failure.what());
  }
}

}  // namespace sim
