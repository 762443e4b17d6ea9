// SPDX-License-Identifier: MIT
#include "engine/job/job_list.h"

#include <utility>

#include "engine/error.h"

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

void JobList::check_new_id(const std::string& id) {
  if (!block::well_formed_id(id)) throw Refusal("Invalid job ID '" + id + "'");
  if (find(id) != nullptr) throw Refusal("Job ID '" + id + "' already in use");
}

io::Task<void> JobList::start_commit(CommitRequest request) {
  drop_ended();
  const bool was_read_only = request.plan.base->read_only();
  co_await reopen(request.plan, io::Access::read_write);
  std::string failure;
  try {
    start(request);
  } catch (const Refusal& refusal) {
    failure = refusal.what();
  }
  if (failure.empty()) co_return;
  // The base was writable for a moment, and its bitmaps are stored anew: QEMU does the same.
  if (was_read_only) co_await reopen(request.plan, io::Access::read_only);
  throw Refusal(failure);
}

io::Task<void> JobList::reopen(CommitPlan plan, io::Access access) {
  const io::Mutex::Guard guard = co_await layer_.changes().lock();
  block::DrainedSection drained(layer_, *plan.top);
  co_await drained.settle();
  co_await layer_.set_access(*plan.base, access);
}

void JobList::start(CommitRequest& request) {
  check_new_id(request.options.id);
  const Surroundings surroundings{layer_.runtime(), timers_, observer_};
  if (request.speed < 0) {
    StillbornJob(surroundings, request.options).abandon();
    throw Refusal("Parameter 'speed' expects a non-negative value");
  }
  request.options.speed = static_cast<std::uint64_t>(request.speed);
  auto job = std::make_unique<CommitJob>(surroundings, request.options, layer_, request.plan);
  Job& started = *job;
  jobs_.push_front(std::move(job));
  running_.spawn(started.run());
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

io::Task<void> JobList::cancel_all() {
  for (Job* job : jobs()) {
    if (accepts(job->status(), Verb::cancel)) job->cancel(CancelMode::force);
  }
  co_await running_.join();
  jobs_.clear();
}

}  // namespace engine::job
