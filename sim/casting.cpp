// SPDX-License-Identifier: MIT
#include "sim/casting.h"

#include "sim/usage_error.h"

namespace sim {

namespace {

QemuIdentity identify(const Cast& cast, const std::string& subject) {
  if (subject != "qemu") return identify_qemu(cast.programs.at(subject));
  try {
    return identify_qemu(cast.qemu_program());
  } catch (const SubjectFailure& failure) {
    throw UsageError(failure.what());
  }
}

/// Programs that listen already are there for one run only, and are asked in it.
bool is_asked(const Cast& cast, const std::string& subject) {
  const auto program = cast.programs.find(subject);
  return subject == "qemu" || (program != cast.programs.end() && program->second.started_by_us());
}

}  // namespace

std::map<std::string, QemuIdentity> meet_qemus(Cast& cast, const Project& project) {
  const Ledger ledger = Ledger::load(project.root + "/scenarios/known/ledger.json");
  std::map<std::string, QemuIdentity> met;
  for (const std::string& subject : cast.subjects) {
    if (!is_asked(cast, subject)) continue;
    try {
      met.emplace(subject, identify(cast, subject));
    } catch (const std::exception&) {
      if (subject == "qemu") throw;
      continue;  // no QEMU; what it is, its first testcase tells
    }
    for (KnownFault fault : ledger.faults_of("qemu", met.at(subject).version)) {
      fault.subject = subject;
      cast.known.push_back(std::move(fault));
    }
  }
  return met;
}

}  // namespace sim
