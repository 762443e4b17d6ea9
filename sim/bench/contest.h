// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace sim::bench {

/// The same work done by us and by a peer. Each function does it once, preparations not counted,
/// and tells how many seconds it took.
struct Contest {
  std::string name;   ///< what `bench NAME` selects, e.g. "read-4k"
  std::string work;   ///< one line for the table, e.g. "4 KiB reads, 1 in flight"
  std::string unit;   ///< what one operation is, e.g. "request"
  double operations;  ///< how many of them the work has
  double wanted;      ///< how many times as fast as the peer we want to be
  std::function<double()> ours;
  std::function<double()> peer;
};

/// What one contest gave: medians over its pairs. The ratio is the median of the pairs' ratios, not
/// the ratio of the medians: the two of a pair ran next to each other on a noisy machine.
struct Result {
  double ours_seconds;
  double peer_seconds;
  double ratio;
};

/// Runs ours and the peer in turn, `pairs` times; who goes first changes from pair to pair.
Result run(const Contest& contest, unsigned pairs, std::ostream* progress);

/// Head and rows of the table.
std::string table_head();
std::string table_row(const Contest& contest, const Result& result);

/// Seconds that `work` takes by the machine's steady clock.
double seconds_of(const std::function<void()>& work);

/// The middle one of the values (the mean of the middle two). Requires at least one.
double median(std::vector<double> values);

}  // namespace sim::bench
