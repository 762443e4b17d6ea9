// SPDX-License-Identifier: MIT
#include "engine/block/request_tracker.h"

#include <algorithm>

namespace engine::block {

RequestTracker::Ticket::Ticket(RequestTracker& tracker, const Request& request)
    : tracker_(tracker), place_(tracker.unfinished_.insert(tracker.unfinished_.end(), request)) {}

RequestTracker::Ticket::~Ticket() {
  tracker_.unfinished_.erase(place_);
  tracker_.one_ended_.wake_all();
}

RequestTracker::Arrival::~Arrival() {
  if (tracker_ == nullptr) return;
  --tracker_->waiting_;
  tracker_->one_ended_.wake_all();
}

bool RequestTracker::overlaps_any(const Request& request) const {
  return std::ranges::any_of(unfinished_, [&](const Request& other) {
    const bool writes = request.kind == RequestKind::write || other.kind == RequestKind::write;
    return writes && request.start < other.end() && other.start < request.end();
  });
}

io::Task<void> RequestTracker::until_free(Request request) {
  const Arrival counted(*this);
  while (conflicts(request)) co_await one_ended_.wait();
}

io::Task<void> RequestTracker::until_idle() {
  while (!idle()) co_await one_ended_.wait();
}

}  // namespace engine::block
