// SPDX-License-Identifier: MIT
// Processes of QEMU that come up ahead of need.
#include "sim/qemu_supply.h"

#include <csignal>
#include <fstream>
#include <vector>

#include "sim/usage_error.h"
#include "tests/catch.h"
#include "tests/sim/fake_qemu.h"

namespace {

using sim::QemuSupply;
using sim::QmpProgram;
using tests::FakeQemus;

/// A QEMU that notes its process number in `notes`.
QmpProgram noted_qemu(const FakeQemus& fakes, const std::string& notes) {
  return QmpProgram::qemu(fakes.script("qemu", "#!/bin/sh\necho $$ >>'" + notes +
                                                   "'\nexec qemu-system-x86_64 \"$@\"\n"),
                          QmpProgram::usual_limit);
}

std::vector<pid_t> noted(const std::string& notes) {
  std::vector<pid_t> processes;
  std::ifstream file(notes);
  for (pid_t process; file >> process;) processes.push_back(process);
  return processes;
}

bool answers(sim::QemuProcess& process) {
  return process.execute({{"execute", "query-block"}}).contains("return");
}

}  // namespace

TEST_CASE("a supply gives processes that know nothing of each other, and leaves none behind") {
  const FakeQemus fakes;
  const std::string notes = fakes.directory() / "notes";
  {
    QemuSupply supply(noted_qemu(fakes, notes));
    const auto first = supply.take();
    const auto second = supply.take();
    first->execute({{"execute", "quit"}});
    first->wait_for_end();
    CHECK(answers(*second));
    second->kill();
    CHECK(answers(*supply.take()));
  }
  const std::vector<pid_t> processes = noted(notes);
  CHECK(processes.size() >= 3);
  for (const pid_t process : processes) CHECK(kill(process, 0) != 0);
}

TEST_CASE("what is no QEMU is told when it is taken") {
  const FakeQemus fakes;
  QemuSupply supply(
      QmpProgram::qemu(fakes.script("qemu", "#!/bin/sh\nexit 3\n"), QmpProgram::usual_limit));
  CHECK_THROWS_AS(supply.take(), sim::UsageError);
}
