// SPDX-License-Identifier: MIT
#include "sim/world.h"

#include <algorithm>

namespace sim {

void World::resume_at(engine::io::Nanoseconds due, std::coroutine_handle<> waiter) {
  if (due <= now_) {
    ready_.push_back(waiter);
    return;
  }
  later_.push_back({due, sequence_++, waiter});
  std::push_heap(later_.begin(), later_.end());
}

void World::advance() {
  now_ = later_.front().due;
  while (!later_.empty() && later_.front().due == now_) {
    ready_.push_back(later_.front().waiter);
    std::pop_heap(later_.begin(), later_.end());
    later_.pop_back();
  }
}

bool World::step() {
  if (ready_.empty()) {
    if (later_.empty()) return false;
    advance();
  }
  const auto chosen = ready_.begin() + static_cast<std::ptrdiff_t>(choice_.pick(ready_.size()));
  const std::coroutine_handle<> waiter = *chosen;
  ready_.erase(chosen);
  ++events_;
  waiter.resume();
  return true;
}

std::uint64_t World::run_events(std::uint64_t events, engine::io::Nanoseconds time) {
  const engine::io::Nanoseconds end = now_ + time;
  std::uint64_t ran = 0;
  while (ran < events) {
    const bool too_late = ready_.empty() && !later_.empty() && later_.front().due > end;
    if (too_late || !step()) break;
    ++ran;
  }
  return ran;
}

bool World::run_until(const std::function<bool()>& done) {
  const std::uint64_t limit = events_ + patience;
  while (!done()) {
    if (events_ >= limit) throw Stuck("does not come to rest");
    if (!step()) return false;
  }
  return true;
}

void World::finish(const std::function<bool()>& done) {
  if (!run_until(done)) throw Stuck("waits for something that never comes");
}

void World::drop_waiters() {
  ready_.clear();
  later_.clear();
}

}  // namespace sim
