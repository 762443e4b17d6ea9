// SPDX-License-Identifier: MIT
// Real programs whose storage fails: truncate (ftruncate) and sync (fsync) of the coreutils.
#include "sim/call_supervisor.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/catch.h"
#include "tests/temp_dir.h"

using sim::CallSupervisor;
using sim::Child;
using sim::Operation;

namespace {

bool can_supervise() {
  if (!CallSupervisor::available()) WARN("this kernel cannot fail the calls of a program");
  return CallSupervisor::available();
}

/// Runs a program under supervision; its exit status.
int run(sim::FaultTable& faults, const std::vector<std::string>& arguments) {
  CallSupervisor supervisor(faults);
  Child child(arguments, Child::Descriptors{-1, -1, supervisor.door()});
  supervisor.watch();
  REQUIRE(child.wait(std::chrono::seconds(20)));
  return child.status();
}

}  // namespace

TEST_CASE("a program's calls fail for the file and the operation that they are told to") {
  if (!can_supervise()) return;
  const tests::TempDir directory;
  const std::string file = std::filesystem::canonical(directory.path()).string() + "/f";
  const std::string other = file + "2";
  std::ofstream(file).close();
  std::ofstream(other).close();
  sim::FaultTable faults;
  CHECK(run(faults, {"truncate", "-s", "512", file}) == 0);
  CHECK(std::filesystem::file_size(file) == 512);

  faults.set(file, {Operation::write, ENOSPC, true});
  CHECK(run(faults, {"truncate", "-s", "1024", other}) == 0);
  CHECK(run(faults, {"truncate", "-s", "1024", file}) != 0);
  CHECK(std::filesystem::file_size(file) == 512);
  CHECK(run(faults, {"truncate", "-s", "1024", file}) == 0);
  CHECK(std::filesystem::file_size(file) == 1024);

  faults.set(file, {Operation::flush});
  CHECK(run(faults, {"sync", file}) != 0);
  CHECK(run(faults, {"sync", file}) != 0);
  faults.clear(file);
  CHECK(run(faults, {"sync", file}) == 0);
}

TEST_CASE("a supervised program can be killed at any time") {
  if (!can_supervise()) return;
  const tests::TempDir directory;
  const std::string loop = "while :; do truncate -s 1 " + directory / "f" + "; done";
  sim::FaultTable faults;
  for (int round = 0; round < 20; ++round) {
    CallSupervisor supervisor(faults);
    Child child({"sh", "-c", loop}, Child::Descriptors{-1, -1, supervisor.door()});
    supervisor.watch();
    std::this_thread::sleep_for(std::chrono::milliseconds(round));
    child.kill();
    CHECK(child.status() == -1);
  }
}

TEST_CASE("a supervised program that cannot be started is told as any other") {
  if (!can_supervise()) return;
  sim::FaultTable faults;
  CallSupervisor supervisor(faults);
  CHECK_THROWS_WITH(Child({"/nowhere/program"}, Child::Descriptors{-1, -1, supervisor.door()}),
                    "/nowhere/program: cannot be started: No such file or directory");
}
