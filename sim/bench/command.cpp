// SPDX-License-Identifier: MIT
#include "sim/bench/command.h"

#include <algorithm>
#include <iostream>

#include "sim/bench/contests.h"
#include "sim/interrupt.h"

namespace sim::bench {
namespace {

std::vector<Contest> all_contests(const Setting& setting) {
  std::vector<Contest> contests = testcase_contests(setting);
  for (Contest& contest : request_contests(setting)) contests.push_back(std::move(contest));
  contests.push_back(commit_contest(setting));
  contests.push_back(lockstep_contest(setting));
  contests.push_back(qmp_steps_contest(setting));
  return contests;
}

/// The contests named; all if none is. Reports the first name that there is not.
std::vector<Contest> chosen(std::vector<Contest> contests, const std::vector<std::string>& names,
                            std::string& unknown) {
  for (const std::string& name : names) {
    const bool known = std::any_of(contests.begin(), contests.end(),
                                   [&](const Contest& contest) { return contest.name == name; });
    if (!known) unknown = name;
  }
  if (names.empty()) return contests;
  std::erase_if(contests, [&](const Contest& contest) {
    return std::find(names.begin(), names.end(), contest.name) == names.end();
  });
  return contests;
}

}  // namespace

int bench(const Options& options, std::ostream& out, std::ostream* progress) {
  const InterruptGuard guard;
  const TemporaryDirectory workspace(options.directory);
  const Setting setting{workspace, options.root, options.qemu};
  std::string unknown;
  const std::vector<Contest> all = all_contests(setting);
  const std::vector<Contest> contests = chosen(all, options.names, unknown);
  if (!unknown.empty()) {
    std::cerr << "bench: there is no '" << unknown << "'; there are:";
    for (const Contest& contest : all) std::cerr << ' ' << contest.name;
    std::cerr << '\n';
    return 2;
  }
  out << table_head();
  for (const Contest& contest : contests) {
    out << table_row(contest, run(contest, options.pairs, progress)) << std::flush;
  }
  return 0;
}

}  // namespace sim::bench
