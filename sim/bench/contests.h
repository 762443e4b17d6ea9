// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "sim/bench/contest.h"
#include "sim/bench/images.h"
#include "sim/temporary_directory.h"

namespace sim::bench {

/// What the contests need to know. All of it outlives them.
struct Setting {
  const TemporaryDirectory& workspace;
  std::string root;  ///< of the project: where scenarios/ lies
  std::string qemu;  ///< the system emulator
};

/// Guest requests on a qcow2 file against `qemu-img bench -t writeback`: reads, overwrites,
/// allocating writes, copy-on-write.
std::vector<Contest> request_contests(const Setting& setting);
/// An active commit of 1 GiB against QEMU's.
Contest commit_contest(const Setting& setting);
/// The three documented testcases as whole processes, on simulated storage and on files.
std::vector<Contest> testcase_contests(const Setting& setting);
/// Steps of random runs on model and engine in lockstep, simulated storage, one core, against the
/// same steps on model and QEMU.
Contest lockstep_contest(const Setting& setting);
/// Steps of a random run on model, engine and a real QEMU in lockstep, against a bare QMP client
/// that has a QEMU do the same commands in the same order. Starting processes does not count.
Contest qmp_steps_contest(const Setting& setting);

}  // namespace sim::bench
