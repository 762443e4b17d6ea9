// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "engine/io/sync.h"
#include "engine/io/units.h"

namespace engine::qcow2 {

/// Bytes [start, end) of the guest's disk or of the file; start == end: none.
template <class Place>
struct ByteRange {
  Place start;
  Place end;
  bool overlaps(const ByteRange& other) const { return start < other.end && other.start < end; }
};
using GuestRange = ByteRange<GuestOffset>;
using HostRange = ByteRange<HostOffset>;

/// The requests that have started and not finished, so that those which would get into each
/// other's way wait: who gives clusters a new place waits for everybody else there, and nobody
/// writes bytes of the file that another one reads or writes, even if a broken image has two guest
/// clusters in one place.
class InFlight {
 public:
  enum class Use {
    reading,     ///< of clusters in place
    writing,     ///< to clusters in place
    allocating,  ///< gives clusters without data a place
    replacing    ///< takes clusters from their place
  };

  explicit InFlight(io::Runtime& runtime) : one_ended_(runtime) {}

  /// A request's place in the list. Its owner has made sure that nothing conflicts with it.
  class Ticket {
   public:
    Ticket(InFlight& list, Use use, GuestRange guest, HostRange host)
        : list_(list), use_(use), guest_(guest), host_(host) {
      next_ = list.first_;
      if (next_ != nullptr) next_->previous_ = this;
      list.first_ = this;
    }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() {
      (previous_ != nullptr ? previous_->next_ : list_.first_) = next_;
      if (next_ != nullptr) next_->previous_ = previous_;
      list_.one_ended_.wake_all();
    }

   private:
    friend InFlight;
    InFlight& list_;
    Use use_;
    GuestRange guest_;
    HostRange host_;
    Ticket* next_ = nullptr;
    Ticket* previous_ = nullptr;
  };

  bool idle() const { return first_ == nullptr; }
  /// Whether such a request has to wait for somebody.
  bool conflicts(Use use, GuestRange guest, HostRange host) const;
  /// Waits until some request has ended; then ask again.
  io::WaitQueue::Waiter one_ended() { return one_ended_.wait(); }

 private:
  Ticket* first_ = nullptr;
  io::WaitQueue one_ended_;
};

}  // namespace engine::qcow2
