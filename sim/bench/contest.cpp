// SPDX-License-Identifier: MIT
#include "sim/bench/contest.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ostream>

#include "engine/check.h"
#include "sim/interrupt.h"

namespace sim::bench {
namespace {

/// "1.23 us" for what one operation costs.
std::string cost(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.2f} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.2f} ms", seconds * 1e3);
  return fmt::format("{:.2f} s", seconds);
}

}  // namespace

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  INVARIANT(!values.empty());
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Result run(const Contest& contest, unsigned pairs, std::ostream* progress) {
  std::vector<double> ours, peer, ratios;
  for (unsigned pair = 0; pair < pairs; ++pair) {
    InterruptGuard::check();
    if (progress != nullptr) {
      *progress << fmt::format("\r{}: pair {} of {}\033[K", contest.name, pair + 1, pairs)
                << std::flush;
    }
    if (pair % 2 == 0) ours.push_back(contest.ours());
    peer.push_back(contest.peer());
    if (pair % 2 == 1) ours.push_back(contest.ours());
    ratios.push_back(peer.back() / ours.back());
  }
  if (progress != nullptr) *progress << "\r\033[K" << std::flush;
  return {median(ours), median(peer), median(ratios)};
}

std::string table_head() {
  return fmt::format("{:<16} {:<44} {:>12} {:>12} {:>8} {:>8}\n", "name", "work", "blocktwin",
                     "QEMU", "ratio", "wanted");
}

std::string table_row(const Contest& contest, const Result& result) {
  const char* verdict = result.ratio >= contest.wanted ? "" : "  short";
  return fmt::format(
      "{:<16} {:<44} {:>12} {:>12} {:>7.1f}x {:>7.1f}x{}\n", contest.name,
      contest.work + ", per " + contest.unit, cost(result.ours_seconds / contest.operations),
      cost(result.peer_seconds / contest.operations), result.ratio, contest.wanted, verdict);
}

}  // namespace sim::bench
