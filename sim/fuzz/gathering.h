// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <iosfwd>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/fuzz/campaign.h"
#include "sim/fuzz/forked.h"

namespace sim::fuzz {

/// The earliest run that failed in some way.
struct Failed {
  std::uint64_t run;
  Failure failure;
  std::uint64_t times;  ///< how many runs failed in this way
};

/// Has workers do the runs of a campaign, and gathers what they tell.
class Gathering {
 public:
  /// `found` hears of each failure that is new, or earlier than those like it so far.
  Gathering(const Campaign& campaign, std::ostream* progress,
            std::function<void(const Failed&)> found);

  /// Until all workers are done, or soon after an interrupt.
  void gather();

  const Statistics& statistics() const { return statistics_; }
  /// By signature.
  const std::map<std::string, Failed>& failures() const { return failures_; }
  /// The programs that hung so often that workers stopped.
  const std::set<std::string>& left_out() const { return left_out_; }

 private:
  struct Running {
    std::uint64_t number;
    std::uint64_t run;
    Forked forked;
  };
  using Clock = std::chrono::steady_clock;

  std::uint64_t stride() const { return campaign_.jobs * campaign_.shards; }
  void start(std::uint64_t number, std::uint64_t first);
  void hear(std::size_t index);
  void part_with(std::size_t index);
  void fail(std::uint64_t run, const Failure& failure);
  void count(std::uint64_t run, const Statistics& statistics);
  void give_up_later_runs();
  /// Whether the rest of the campaign's time is for making short what was found.
  bool time_is_up() const;
  /// After an interrupt or when time is up: workers end by themselves, or are told to, or are
  /// killed.
  void hurry();
  void show();
  void show_figures();

  const Campaign& campaign_;
  std::ostream* progress_;
  std::function<void(const Failed&)> found_;
  Statistics statistics_;
  std::map<std::uint64_t, Statistics> unsettled_;  ///< of runs that a failure may be earlier than
  std::map<std::string, Failed> failures_;
  std::set<std::string> left_out_;
  std::vector<Running> workers_;
  Clock::time_point started_ = Clock::now(), shown_{}, hurried_{};
  bool told_to_end_ = false;
};

}  // namespace sim::fuzz
