// SPDX-License-Identifier: MIT
#pragma once

#include <list>
#include <memory>
#include <utility>

#include "engine/io/sync.h"
#include "engine/io/task.h"
#include "engine/io/units.h"

namespace engine::block {

enum class RequestKind { read, write, flush };

/// A request to a node; zeroing and discarding count as writes.
struct Request {
  RequestKind kind;
  GuestOffset start;
  ByteCount length;
  GuestOffset end() const { return start + length; }
};

/// The requests of a node that have not finished: those that wait for storage, and those that wait
/// for an overlapping one to finish. Requests that finish at once are never seen here, so a node
/// whose data is at hand pays one comparison.
class RequestTracker {
 public:
  explicit RequestTracker(io::Runtime& runtime) : one_ended_(runtime) {}

  /// A request's place among the unfinished, kept by whoever carries it out.
  class Ticket {
   public:
    Ticket(RequestTracker& tracker, const Request& request);
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket();

   private:
    RequestTracker& tracker_;
    std::list<Request>::iterator place_;
  };

  /// Counts one who waits to start a request, for as long as it lives. Who leaves may have been the
  /// last that somebody waited for: what it starts next need not be unfinished at any time.
  class Arrival {
   public:
    explicit Arrival(RequestTracker& tracker) : tracker_(&tracker) { ++tracker_->waiting_; }
    Arrival(Arrival&& other) noexcept : tracker_(std::exchange(other.tracker_, nullptr)) {}
    Arrival& operator=(Arrival&&) = delete;
    ~Arrival();

   private:
    RequestTracker* tracker_;
  };

  bool idle() const { return unfinished_.empty() && waiting_ == 0; }
  /// Whether `request` overlaps an unfinished one and either writes.
  bool conflicts(const Request& request) const {
    return !unfinished_.empty() && overlaps_any(request);
  }
  /// Makes a request known that has been started.
  std::unique_ptr<Ticket> enter(const Request& request) {
    return std::make_unique<Ticket>(*this, request);
  }
  /// Goes on when `request` conflicts with nothing. The caller must start it before it waits.
  io::Task<void> until_free(Request request);
  /// Goes on when nothing is unfinished.
  io::Task<void> until_idle();
  io::Runtime& runtime() const { return one_ended_.runtime(); }

 private:
  bool overlaps_any(const Request& request) const;

  std::list<Request> unfinished_;
  std::size_t waiting_ = 0;
  io::WaitQueue one_ended_;
};

}  // namespace engine::block
