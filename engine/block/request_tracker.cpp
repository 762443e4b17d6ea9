// SPDX-License-Identifier: MIT
#include "engine/block/request_tracker.h"

#include <algorithm>

namespace engine::block {

namespace {

/// Counts one who waits, for as long as its frame lives. Who leaves may have been the last that
/// somebody waited for: what it starts next need not be unfinished at any time.
class Counted {
 public:
  Counted(std::size_t& count, io::WaitQueue& one_ended) : count_(count), one_ended_(one_ended) {
    ++count_;
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() {
    --count_;
    one_ended_.wake_all();
  }

 private:
  std::size_t& count_;
  io::WaitQueue& one_ended_;
};

}  // namespace

RequestTracker::Ticket::Ticket(RequestTracker& tracker, const Request& request)
    : tracker_(tracker), place_(tracker.unfinished_.insert(tracker.unfinished_.end(), request)) {}

RequestTracker::Ticket::~Ticket() {
  tracker_.unfinished_.erase(place_);
  tracker_.one_ended_.wake_all();
}

bool RequestTracker::overlaps_any(const Request& request) const {
  return std::ranges::any_of(unfinished_, [&](const Request& other) {
    const bool writes = request.kind == RequestKind::write || other.kind == RequestKind::write;
    return writes && request.start < other.end() && other.start < request.end();
  });
}

io::Task<void> RequestTracker::until_free(Request request) {
  const Counted counted(waiting_, one_ended_);
  while (conflicts(request)) co_await one_ended_.wait();
}

io::Task<void> RequestTracker::until_idle() {
  while (!idle()) co_await one_ended_.wait();
}

}  // namespace engine::block
