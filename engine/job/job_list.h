// SPDX-License-Identifier: MIT
#pragma once

#include <list>
#include <memory>
#include <string>

#include "engine/block/layer.h"
#include "engine/job/commit_job.h"
#include "engine/job/job.h"

namespace engine::job {

/// What block-commit was asked for, nodes looked up; see plan_commit.
struct CommitRequest {
  JobOptions options;
  CommitPlan plan;
  std::int64_t speed = 0;  ///< as given: a negative one is refused once the job exists (S73)
};

/// All jobs of a process, from creation to dismissal.
class JobList {
 public:
  JobList(block::Layer& layer, Observer& observer)
      : layer_(layer), observer_(observer), running_(layer.runtime()), timers_(layer.runtime()) {}
  /// Sudden death: whatever runs is dropped where it stands.
  ~JobList();

  /// Starts a commit (S75, S76). Throws Refusal for an id that is malformed or taken (S74), for a
  /// negative speed, for a bad name of the filter, or if the base cannot be written.
  io::Task<void> start_commit(CommitRequest request);

  /// Newest first, without those that have come to null.
  std::list<Job*> jobs();
  /// Null if there is none.
  Job* find(const std::string& id);
  /// Whether one of them comes to its end without a further command (Job::ending).
  bool ending(io::Nanoseconds patience) const;
  /// Cancels every job and waits for their ends.
  io::Task<void> cancel_all();

 private:
  void check_new_job(const CommitRequest& request);
  void announce_stillborn(const CommitRequest& request);
  io::Task<Job*> create(CommitRequest& request);
  Job& start(CommitRequest& request, io::Access base_access);
  void drop_ended();

  block::Layer& layer_;
  Observer& observer_;
  std::list<std::unique_ptr<Job>> jobs_;
  io::TaskGroup running_;
  io::TaskGroup timers_;
};

}  // namespace engine::job
