// SPDX-License-Identifier: MIT
#include "engine/job/job_list.h"

#include <algorithm>
#include <utility>

#include "engine/error.h"
#include "engine/job/layer_commit_job.h"

namespace engine::job {
namespace {

/// A job that ends before it began: its creation is announced, and its end.
class StillbornJob final : public Job {
 public:
  using Job::Job;
  std::string_view type() const override { return "commit"; }
  ByteCount offset() const override { return {}; }
  ByteCount length() const override { return {}; }

 protected:
  io::Task<void> work() override { return io::Task<void>::ready(); }
  io::Task<void> commit() override { return io::Task<void>::ready(); }
  io::Task<void> abort() override { return io::Task<void>::ready(); }
};

}  // namespace

JobList::~JobList() = default;

void JobList::check_new_job(const CommitRequest& request) {
  const std::string& id = request.options.id;
  if (!block::well_formed_id(id)) throw Refusal("Invalid job ID '" + id + "'");
  if (find(id) != nullptr) throw Refusal("Job ID '" + id + "' already in use");
  if (request.speed >= 0) return;
  announce_stillborn(request);
  throw Refusal("Parameter 'speed' expects a non-negative value");
}

void JobList::announce_stillborn(const CommitRequest& request) {
  const Surroundings surroundings{layer_.runtime(), timers_, observer_};
  StillbornJob(surroundings, request.options).abandon();
}

io::Task<void> JobList::start_commit(CommitRequest request) {
  drop_ended();
  // An active commit is a mirror, whose filter comes first and whose job comes last.
  if (!request.plan.is_active()) check_new_job(request);
  Job* started = co_await create(request);
  co_await started->until_prepared();
}

io::Task<Job*> JobList::create(CommitRequest& request) {
  block::Node& base = *request.plan.base;
  const io::Access base_access = base.access();
  const io::Mutex::Guard guard = co_await layer_.changes().lock();
  block::DrainedSection drained(layer_, *request.plan.top);
  co_await drained.settle();
  co_await layer_.set_access(base, io::Access::read_write);
  std::string failure;
  try {
    co_return &start(request, base_access);
  } catch (const Refusal& refusal) {
    failure = refusal.what();
  }
  // The base was writable for a moment, and its bitmaps are stored anew: QEMU does the same.
  co_await layer_.set_access(base, base_access);
  throw Refusal(failure);
}

Job& JobList::start(CommitRequest& request, io::Access base_access) {
  const CommitPlan& plan = request.plan;
  if (plan.is_active()) {
    if (plan.filter_name) layer_.check_new_node_name(*plan.filter_name);
    check_new_job(request);
  }
  const Surroundings surroundings{layer_.runtime(), timers_, observer_};
  request.options.speed = static_cast<std::uint64_t>(request.speed);
  std::unique_ptr<Job> job;
  try {
    if (plan.is_active()) {
      job = std::make_unique<CommitJob>(surroundings, request.options, layer_, plan);
    } else {
      job = std::make_unique<LayerCommitJob>(surroundings, request.options, layer_, plan,
                                             base_access);
    }
  } catch (const Refusal&) {
    announce_stillborn(request);
    throw;
  }
  Job& started = *job;
  jobs_.push_front(std::move(job));
  running_.spawn(started.run());
  return started;
}

void JobList::drop_ended() {
  jobs_.remove_if([](const auto& job) { return job->status() == Status::null; });
}

std::list<Job*> JobList::jobs() {
  drop_ended();
  std::list<Job*> all;
  for (const auto& job : jobs_) all.push_back(job.get());
  return all;
}

Job* JobList::find(const std::string& id) {
  for (const auto& job : jobs_) {
    if (job->id() == id && job->status() != Status::null) return job.get();
  }
  return nullptr;
}

bool JobList::ending(io::Nanoseconds patience) const {
  return std::any_of(jobs_.begin(), jobs_.end(),
                     [patience](const auto& job) { return job->ending(patience); });
}

io::Task<void> JobList::cancel_all() {
  for (Job* job : jobs()) {
    if (accepts(job->status(), Verb::cancel)) co_await job->cancel(CancelMode::force);
  }
  co_await running_.join();
  jobs_.clear();
}

}  // namespace engine::job
