// SPDX-License-Identifier: MIT
#include "sim/fuzz/gathering.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <ostream>

#include "sim/fuzz/coverage.h"
#include "sim/fuzz/guarded.h"
#include "sim/fuzz/worker.h"
#include "sim/interrupt.h"

namespace sim::fuzz {

using nlohmann::json;
using std::chrono::milliseconds;

namespace {

constexpr int wait_at_most = 100;  // milliseconds: an interrupt may come just before we wait
/// A worker ends a step after its interrupt; one that does not is told once more, then killed.
constexpr milliseconds until_told{300}, until_killed{600};

}  // namespace

Gathering::Gathering(const Campaign& campaign, std::ostream* progress,
                     std::function<void(const Failed&)> found)
    : campaign_(campaign), progress_(progress), found_(std::move(found)) {
  for (std::uint64_t i = 0; i < campaign.jobs; ++i) {
    start(i, campaign.shard + i * campaign.shards);
  }
}

void Gathering::start(std::uint64_t number, std::uint64_t first) {
  workers_.push_back({number, first, Forked([=, this](const Tell& tell) {
                        Worker(campaign_, number).work(first, stride(), campaign_.end, tell);
                      })});
}

void Gathering::gather() {
  while (!workers_.empty()) {
    std::vector<pollfd> waits;
    for (const Running& worker : workers_) waits.push_back({worker.forked.descriptor(), POLLIN, 0});
    if (poll(waits.data(), waits.size(), wait_at_most) > 0) {
      for (std::size_t i = waits.size(); i-- > 0;) {
        if (waits[i].revents != 0) hear(i);
      }
    }
    if (campaign_.until_failure) give_up_later_runs();
    if (InterruptGuard::came() || time_is_up()) hurry();
  }
  for (const auto& [run, statistics] : unsettled_) statistics_.add(statistics);
  unsettled_.clear();
  if (progress_ == nullptr) return;
  show_figures();
  *progress_ << std::endl;
}

void Gathering::hear(std::size_t index) {
  Running& worker = workers_[index];
  const std::vector<json> told = worker.forked.listen();
  for (const json& each : told) {
    if (each.contains("start")) worker.run = each["start"];
    if (each.contains("statistics")) count(worker.run, statistics_from(each["statistics"]));
    if (each.contains("failure")) fail(worker.run, failure_from(each["failure"]));
    if (each.contains("left-out")) left_out_.insert(each["left-out"].get<std::string>());
  }
  if (told.empty()) return part_with(index);
  show();
}

void Gathering::part_with(std::size_t index) {
  Running worker = std::move(workers_[index]);
  workers_.erase(workers_.begin() + static_cast<std::ptrdiff_t>(index));
  const auto end = worker.forked.bad_end();
  if (!end || InterruptGuard::came()) return;
  fail(worker.run, bad_end_of(worker.forked, *end, 0));
  start(worker.number, worker.run + stride());
}

void Gathering::count(std::uint64_t run, const Statistics& statistics) {
  if (campaign_.until_failure) {
    unsettled_[run].add(statistics);
  } else {
    statistics_.add(statistics);
  }
}

void Gathering::fail(std::uint64_t run, const Failure& failure) {
  const auto [known, is_new] = failures_.try_emplace(failure.signature, Failed{run, failure, 0});
  ++known->second.times;
  const bool earlier = run < known->second.run;
  if (earlier) known->second = {run, failure, known->second.times};
  if (is_new || earlier) found_(known->second);
  if (progress_ == nullptr) return;
  *progress_ << fmt::format("\r\033[Krun {} failed: {}\n", run, failure.signature);
}

void Gathering::give_up_later_runs() {
  std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  for (const auto& [signature, failed] : failures_) last = std::min(last, failed.run);
  std::erase_if(failures_, [=](const auto& each) { return each.second.run > last; });
  for (auto& [signature, failed] : failures_) failed.times = 1;
  std::erase_if(unsettled_, [=](const auto& each) { return each.first > last; });
  std::erase_if(workers_, [=](const Running& worker) { return worker.run > last; });
  std::uint64_t settled = last;
  for (const Running& worker : workers_) settled = std::min(settled, worker.run);
  while (!unsettled_.empty() && unsettled_.begin()->first < settled) {
    statistics_.add(unsettled_.begin()->second);
    unsettled_.erase(unsettled_.begin());
  }
}

bool Gathering::time_is_up() const {
  if (!campaign_.time) return false;
  const auto for_shortening = failures_.empty() ? until_killed : milliseconds(*campaign_.time) / 5;
  return Clock::now() >= campaign_.end - for_shortening;
}

void Gathering::hurry() {
  const auto now = Clock::now();
  if (hurried_ == Clock::time_point{}) hurried_ = now;
  if (now - hurried_ > until_killed) return workers_.clear();
  if (told_to_end_ || now - hurried_ < until_told) return;
  for (const Running& worker : workers_) worker.forked.interrupt();
  told_to_end_ = true;
}

void Gathering::show() {
  const auto now = Clock::now();
  if (progress_ == nullptr || now - shown_ < milliseconds(200)) return;
  shown_ = now;
  show_figures();
}

void Gathering::show_figures() {
  const Coverage refusals = coverage(Goal::Kind::refusal, statistics_);
  const Coverage rules = coverage(Goal::Kind::rule, statistics_);
  const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
  *progress_ << fmt::format("\r\033[K{} runs, {:.0f} steps/s, {}/{} refusals, {}/{} rules, ",
                            statistics_.runs, static_cast<double>(statistics_.steps) / seconds,
                            refusals.reached, refusals.all, rules.reached, rules.all)
             << failures_.size() << " kinds of failures" << std::flush;
}

}  // namespace sim::fuzz
