// SPDX-License-Identifier: MIT
#include "engine/job/alarm.h"

#include <utility>

namespace engine::job {
namespace {

io::Task<void> ring_later(std::shared_ptr<io::WaitQueue> bell, io::Nanoseconds duration) {
  const std::shared_ptr<io::WaitQueue> kept = std::move(bell);
  co_await io::sleep(kept->runtime(), duration);
  kept->wake_all();
}

}  // namespace

io::Task<void> Alarm::wait() {
  const unsigned before = rings_;
  while (rings_ == before) co_await bell_->wait();
}

io::Task<void> Alarm::wait_for(io::Nanoseconds duration) {
  const unsigned before = rings_;
  const io::Nanoseconds due = bell_->runtime().now() + duration;
  timers_.spawn(ring_later(bell_, duration));
  while (rings_ == before && bell_->runtime().now() < due) co_await bell_->wait();
}

}  // namespace engine::job
